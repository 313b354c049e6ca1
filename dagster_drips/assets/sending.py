"""Assets around the send: decisions kept for good, mail out, the tick finished, the marts published."""

from collections.abc import Iterator

import dagster as dg

from dagster_drips.assets.naming import DECIDE, DELIVERY_LOG, DUE_STEPS, MEASURE, OWNERS, POOL, SEND
from dagster_drips.assets.resource import DripsResource
from dagster_drips.clock import format_instant
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.sending import send_due

_DECIDED = {
    "verdicts": "One row per judged occurrence (E3).",
    "resolutions": "One row per step that was skipped (M6, M7).",
    "segment_results": "One row per segment and tick.",
    "segment_changes": "One row per lead that entered or left a segment.",
    "sequence_versions": "One row per version of a sequence that was ever live (S3).",
}
_FINISHED = {
    "closings": "One row per closed enrollment (L1, M1).",
    "ticks": "One row per phase of a tick.",
}


def _journal(tables: dict[str, str], deps: list[dg.AssetKey], group: str) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            ["journal", table],
            deps=deps,
            group_name=group,
            description=text,
            owners=OWNERS,
            kinds={"duckdb", "parquet"},
        )
        for table, text in tables.items()
    ]


@dg.multi_asset(
    specs=_journal(
        _DECIDED,
        [
            DUE_STEPS,
            *(
                dg.AssetKey(["decide", name])
                for name in ("verdicts", "closings_now", "skips_now", "segment_changes_now", "segment_results_now")
            ),
        ],
        DECIDE,
    ),
    pool=POOL,
)
def decisions_journal(drips: DripsResource) -> Iterator[dg.MaterializeResult]:
    """Keep what this tick decided, for good, before any mail goes out."""
    with drips.warehouse() as warehouse:
        drips.pipeline.commit_decisions(warehouse)
        counts = {table: warehouse.value(f"select count(*) from journal.{table}") for table in _DECIDED}
    for table, count in counts.items():
        yield dg.MaterializeResult(asset_key=["journal", table], metadata={"rows": count})


@dg.asset(
    key=DELIVERY_LOG,
    deps=[DUE_STEPS, ["decide", "refused_steps"], ["journal", "verdicts"]],
    group_name=SEND,
    owners=OWNERS,
    kinds={"smtp", "duckdb"},
    description="Dispatch of the due steps over SMTP; one row per fact of a delivery.",
    pool=POOL,
)
def delivery_log(context: dg.AssetExecutionContext, drips: DripsResource) -> dg.MaterializeResult:
    """Send what is due, each message at most once."""
    with drips.warehouse() as warehouse:
        report = send_due(drips.pipeline, warehouse, drips.settings)
    if report.stopped:
        context.log.error(f"sending stopped early: {report.stopped}")
    return dg.MaterializeResult(
        metadata={
            "due": report.due,
            "sent": report.sent,
            "failed": report.failed,
            "bounced": report.bounced,
            "deferred": report.deferred,
            "in_doubt": report.in_doubt,
            "refused": report.refused,
            "stopped": report.stopped or "",
        }
    )


@dg.multi_asset(specs=_journal(_FINISHED, [DELIVERY_LOG, dg.AssetKey(["journal", "verdicts"])], SEND), pool=POOL)
def finished_journal(drips: DripsResource) -> Iterator[dg.MaterializeResult]:
    """Complete enrollments with no step left and finish the tick."""
    with drips.warehouse() as warehouse:
        completed = drips.pipeline.settle(warehouse)
        as_of = drips.pipeline.as_of(warehouse)
    yield dg.MaterializeResult(asset_key=["journal", "closings"], metadata={"completed": completed})
    yield dg.MaterializeResult(asset_key=["journal", "ticks"], metadata={"as_of": format_instant(as_of)})


def build_published(marts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The snapshot for BI, downstream of all marts."""

    @dg.asset(
        key=["published", "marts"],
        deps=marts,
        group_name=MEASURE,
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        description="data/published: marts.duckdb and one Parquet file a table, replaced whole.",
        pool=POOL,
    )
    def published(drips: DripsResource) -> dg.MaterializeResult:
        with drips.warehouse() as warehouse:
            counts = publish(warehouse, drips.project.published)
        return dg.MaterializeResult(metadata={"tables": len(counts), "rows": sum(counts.values())})

    return published
