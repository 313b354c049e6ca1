"""What a tick begins with: its instant, and the rows of what was landed."""

from collections.abc import Iterator

import dagster as dg

from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.landing.files import ignored_files
from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import LANDING, OWNERS, POOL, TICK, raw_spec
from dagster_drips.orchestration.resources import DripsResource
from dagster_drips.pipeline.checks import NOTHING_IGNORED, NOTHING_REJECTED, load_checks
from dagster_drips.vocabulary import LANDING_KINDS


class TickConfig(dg.Config):
    """Which instant the tick has: ISO 8601, or the wall clock where empty."""

    as_of: str | None = None


@dg.multi_asset(
    specs=[
        raw_spec("tick", LANDING, "This tick's instant (T1).", [], {"python"}),
        raw_spec("time_zones", LANDING, "Each IANA zone's offset at the tick's instant (M5).", [], {"python"}),
        raw_spec("clock_changes", LANDING, "When each IANA zone's offset changes, in years to come.", [], {"python"}),
    ],
    pool=POOL,
)
def clock(
    context: dg.AssetExecutionContext, config: TickConfig, drips: DripsResource
) -> Iterator[dg.MaterializeResult]:
    """Begin a tick: take in what a crash left in the journal, and set the clock."""
    with drips.warehouse() as warehouse:
        as_of = drips.pipeline.begin(warehouse, parse_instant(config.as_of) if config.as_of else None)
    context.log.info(f"tick {format_instant(as_of)}")
    yield dg.MaterializeResult(asset_key=TICK, metadata={"as_of": format_instant(as_of)})
    yield dg.MaterializeResult(asset_key=["raw", "time_zones"])
    yield dg.MaterializeResult(asset_key=["raw", "clock_changes"])


landing_files = [
    dg.AssetSpec(
        ["landing", kind],
        group_name=LANDING,
        owners=OWNERS,
        kinds={"file"},
        description=f"Files that others put into data/landing/{kind}/.",
    )
    for kind in LANDING_KINDS
]


def _landed(kind: str) -> dg.AssetsDefinition:
    check = dg.AssetCheckSpec(NOTHING_REJECTED, asset=["raw", kind], description="Every row of this load was taken.")
    listing = dg.AssetCheckSpec(
        NOTHING_IGNORED, asset=["raw", kind], description=f"Every file in data/landing/{kind}/ is one that is read."
    )

    @dg.asset(
        key=["raw", kind],
        deps=[["landing", kind], TICK, ["raw", "project_settings"]],
        group_name=LANDING,
        owners=OWNERS,
        kinds={"duckdb", "polars"},
        description=f"Rows of data/landing/{kind}/, each key once; what can't be taken is in raw.rejected_rows.",
        check_specs=[check, listing],
        pool=POOL,
    )
    def load(drips: DripsResource) -> dg.MaterializeResult:
        with drips.warehouse() as warehouse:
            report = drips.pipeline.load_landing(warehouse, (kind,))[kind]
        return dg.MaterializeResult(
            metadata={
                "files": report.files,
                "loaded": report.rows,
                "rejected": report.rejected,
                "duplicates": report.duplicates,
            },
            check_results=[result_of(one) for one in load_checks(report, ignored_files(drips.pipeline.project))],
        )

    return load


landed = [_landed(kind) for kind in LANDING_KINDS]

# Written by the loads above as they go.
load_records = [
    raw_spec(table, LANDING, description, [dg.AssetKey(["raw", kind]) for kind in LANDING_KINDS], {"polars"})
    for table, description in (
        ("loaded_files", "One row per loaded file."),
        ("rejected_rows", "One row per row that could not be taken, with file, line and reason."),
        ("forgotten", "One row per address or lead that `drips forget` erased, as a keyed hash."),
    )
]
