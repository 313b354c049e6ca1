"""Assets of schema `raw`: the clock, landed files, sequence files."""

from collections.abc import Iterator

import dagster as dg

from dagster_drips.assets.naming import LANDING, OWNERS, POOL, PROBLEMS, SEQUENCES, TICK
from dagster_drips.assets.resource import DripsResource
from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.landing import IgnoredFile, ignored_files
from dagster_drips.project import LANDING_KINDS, Project

_SEQUENCE_TABLES = {
    "project_settings": "Values of sequences/project.yml that hold for the whole project.",
    "sender_identities": "One row per email identity of sequences/senders.yml.",
    "recipient_domains": "One row per recipient domain that sequences/senders.yml limits.",
    "sequences": "One row per sequence as it is live at this tick (S1, S2).",
    "sequence_steps": "One row per step of a live sequence.",
    "retired_steps": "One row per step that an earlier version had and this one has not (M1).",
    "step_variants": "One row per variant of a step (M8).",
    "step_conditions": "One row per condition of a step (M6).",
    "sequence_segments": "One row per segment that a sequence includes or excludes (E5).",
    "sequence_predicates": "One row per property that a `where` asks for (E1, L2).",
    "sequence_exit_events": "One row per event that ends a sequence (L1).",
}


class TickConfig(dg.Config):
    """Which instant the tick has: ISO 8601, or the wall clock where empty."""

    as_of: str | None = None


def _raw(table: str, group: str, description: str, deps: list[dg.AssetKey], kinds: set[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["raw", table], deps=deps, group_name=group, description=description, owners=OWNERS, kinds={"duckdb", *kinds}
    )


@dg.multi_asset(
    specs=[
        _raw("tick", LANDING, "This tick's instant (T1).", [], {"python"}),
        _raw("time_zones", LANDING, "Each IANA zone's offset at the tick's instant (M5).", [], {"python"}),
    ],
    pool=POOL,
)
def clock(
    context: dg.AssetExecutionContext, config: TickConfig, drips: DripsResource
) -> Iterator[dg.MaterializeResult]:
    """Begin a tick: set the clock, fold in what a crash left in the journal."""
    with drips.warehouse() as warehouse:
        as_of = drips.pipeline.begin(warehouse, parse_instant(config.as_of) if config.as_of else None)
    context.log.info(f"tick {format_instant(as_of)}")
    yield dg.MaterializeResult(asset_key=TICK, metadata={"as_of": format_instant(as_of)})
    yield dg.MaterializeResult(asset_key=["raw", "time_zones"])


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
    check = dg.AssetCheckSpec("nothing_rejected", asset=["raw", kind], description="Every row of this load was taken.")
    listing = dg.AssetCheckSpec(
        "nothing_ignored", asset=["raw", kind], description=f"Every file in data/landing/{kind}/ is one that is read."
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
        ignored = _ignored(drips.pipeline.project, kind)
        return dg.MaterializeResult(
            metadata={
                "files": report.files,
                "loaded": report.rows,
                "rejected": report.rejected,
                "duplicates": report.duplicates,
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=check.name,
                    passed=report.rejected == 0,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"rejected": report.rejected, "look_at": "raw.rejected_rows"},
                ),
                dg.AssetCheckResult(
                    check_name=listing.name,
                    passed=not ignored,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"ignored": len(ignored), "first": str(ignored[0]) if ignored else ""},
                ),
            ],
        )

    return load


def _ignored(project: Project, kind: str) -> list[IgnoredFile]:
    """What lies beside the kinds' folders has no kind: it is told with the first."""
    is_first = kind == LANDING_KINDS[0]
    return [file for file in ignored_files(project) if file.path.startswith(f"{kind}/") or (is_first and file.is_stray)]


landed = [_landed(kind) for kind in LANDING_KINDS]

# Written by the loads above as they go.
load_records = [
    _raw(table, LANDING, description, [dg.AssetKey(["raw", kind]) for kind in LANDING_KINDS], {"polars"})
    for table, description in (
        ("loaded_files", "One row per loaded file."),
        ("rejected_rows", "One row per row that could not be taken, with file, line and reason."),
        ("forgotten", "One row per address or lead that `drips forget` erased, as a keyed hash."),
    )
]


@dg.multi_asset(
    specs=[_raw(table, SEQUENCES, description, [TICK], {"yaml"}) for table, description in _SEQUENCE_TABLES.items()],
    check_specs=[
        dg.AssetCheckSpec(
            "files_are_valid",
            asset=["raw", "sequences"],
            description="Every sequence file validates; a broken one leaves its sequence as it last was (S2).",
        )
    ],
    pool=POOL,
)
def sequence_files(
    context: dg.AssetExecutionContext, drips: DripsResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Read sequences/ and make it what dbt reads."""
    with drips.warehouse() as warehouse:
        catalog, errors = drips.pipeline.load_sequences(warehouse)
        counts = {table: warehouse.value(f"select count(*) from raw.{table}") for table in _SEQUENCE_TABLES}
    for problem in errors:
        context.log.error(str(problem))
    for table, count in counts.items():
        metadata = {"rows": count} | ({"invalid": len(catalog.invalid)} if table == "sequences" else {})
        yield dg.MaterializeResult(asset_key=["raw", table], metadata=metadata)
    yield dg.AssetCheckResult(
        asset_key=["raw", "sequences"],
        check_name="files_are_valid",
        passed=not errors,
        description="; ".join(str(problem) for problem in errors),
        metadata={
            "errors": len(errors),
            "first": str(errors[0]) if errors else "",
            PROBLEMS: dg.MetadataValue.json([str(problem) for problem in errors]),
        },
    )
