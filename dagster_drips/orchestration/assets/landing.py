"""What a tick begins with: its instant, and the rows of what was landed."""

from collections.abc import Iterator

import dagster as dg

from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.landing.files import ignored_files
from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import LANDING, OWNERS, Names
from dagster_drips.pipeline.checks import NOTHING_IGNORED, NOTHING_REJECTED, load_checks
from dagster_drips.vocabulary import LANDING_KINDS


class TickConfig(dg.Config):
    """Which instant the tick has: ISO 8601, or the wall clock where empty."""

    as_of: str | None = None


def build_clock(names: Names) -> dg.AssetsDefinition:
    """The beginning of a tick."""

    @dg.multi_asset(
        name=names.name("clock"),
        specs=[
            names.raw_spec("tick", LANDING, "This tick's instant (T1).", [], {"python"}),
            names.raw_spec(
                "time_zones", LANDING, "Each IANA zone's offset at the tick's instant (M5).", [], {"python"}
            ),
            names.raw_spec(
                "clock_changes", LANDING, "When each IANA zone's offset changes, in years to come.", [], {"python"}
            ),
        ],
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def clock(context: dg.AssetExecutionContext, config: TickConfig) -> Iterator[dg.MaterializeResult]:
        """Begin a tick: take in what a crash left in the journal, and set the clock."""
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            as_of = drips.pipeline.begin(warehouse, parse_instant(config.as_of) if config.as_of else None)
        context.log.info(f"tick {format_instant(as_of)}")
        yield dg.MaterializeResult(asset_key=names.tick, metadata={"as_of": format_instant(as_of)})
        for table in ("time_zones", "clock_changes"):
            yield dg.MaterializeResult(asset_key=names.key("raw", table))

    return clock


def build_landing(names: Names) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The files that others land, their rows, and what is written as they are loaded."""
    loaded = [names.key("raw", kind) for kind in LANDING_KINDS]
    return [
        *(_files(kind, names) for kind in LANDING_KINDS),
        *(_landed(kind, names) for kind in LANDING_KINDS),
        *(names.raw_spec(table, LANDING, text, loaded, {"polars"}) for table, text in _LOAD_RECORDS.items()),
    ]


_LOAD_RECORDS = {
    "loaded_files": "One row per loaded file.",
    "rejected_rows": "One row per row that could not be taken, with file, line and reason.",
    "forgotten": "One row per address or lead that `drips forget` erased, as a keyed hash.",
}
"""Tables that the loads write as they go."""


def _files(kind: str, names: Names) -> dg.AssetSpec:
    return dg.AssetSpec(
        names.key("landing", kind),
        group_name=names.group(LANDING),
        owners=OWNERS,
        kinds={"file"},
        description=f"Files that others put into data/landing/{kind}/.",
    )


def _landed(kind: str, names: Names) -> dg.AssetsDefinition:
    key = names.key("raw", kind)
    check = dg.AssetCheckSpec(NOTHING_REJECTED, asset=key, description="Every row of this load was taken.")
    listing = dg.AssetCheckSpec(
        NOTHING_IGNORED, asset=key, description=f"Every file in data/landing/{kind}/ is one that is read."
    )

    @dg.asset(
        key=key,
        deps=[*names.keys("landing", kind, "intake"), names.tick, names.key("raw", "project_settings")],
        group_name=names.group(LANDING),
        owners=OWNERS,
        kinds={"duckdb", "polars"},
        description=f"Rows of data/landing/{kind}/, each key once; what can't be taken is in raw.rejected_rows.",
        check_specs=[check, listing],
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def load(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            report = drips.pipeline.load_landing(warehouse, (kind,))[kind]
        checks = load_checks(report, ignored_files(drips.pipeline.project))
        return dg.MaterializeResult(
            metadata={
                "files": report.files,
                "loaded": report.rows,
                "rejected": report.rejected,
                "duplicates": report.duplicates,
            },
            check_results=[result_of(one, names) for one in checks],
        )

    return load
