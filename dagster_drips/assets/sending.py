"""Assets around the send: decisions kept for good, mail out, the tick finished, the marts published."""

from collections.abc import Iterator

import dagster as dg

from dagster_drips.assets.naming import DECIDE, DELIVERY_LOG, DUE_STEPS, MEASURE, OWNERS, POOL, SEND
from dagster_drips.assets.resource import DripsResource
from dagster_drips.assets.run_tick import is_overtaken
from dagster_drips.clock import format_instant
from dagster_drips.mail.dispatch import DispatchReport
from dagster_drips.mail.losses import told_losses
from dagster_drips.mail.resolve import Doubt, doubts
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.sending import left_due, send_due

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


# None blocks: a mail server that is down must not keep the tick from being finished and measured. All are errors, not
# warnings: mail that should have gone has not, or a person has to look.
_STOPPED, _IN_DOUBT, _WHOLE = "sending_did_not_stop_early", "nothing_is_in_doubt", "delivery_journal_is_whole"
_SENDING_CHECKS = [
    dg.AssetCheckSpec(
        _STOPPED,
        asset=DELIVERY_LOG,
        description="All that is due was offered to its mail server, or left because of a suppression or a rate limit.",
    ),
    dg.AssetCheckSpec(
        _IN_DOUBT,
        asset=DELIVERY_LOG,
        description="No message of any run may or may not have been sent; such a one holds its enrollment.",
    ),
    dg.AssetCheckSpec(
        _WHOLE,
        asset=DELIVERY_LOG,
        description="No file of the delivery journal is gone, or shorter than when it was read into the warehouse.",
    ),
]


@dg.asset(
    key=DELIVERY_LOG,
    deps=[DUE_STEPS, ["decide", "refused_steps"], ["journal", "verdicts"]],
    group_name=SEND,
    owners=OWNERS,
    kinds={"smtp", "duckdb"},
    description="Dispatch of the due steps over SMTP; one row per fact of a delivery.",
    check_specs=_SENDING_CHECKS,
    pool=POOL,
)
def delivery_log(context: dg.AssetExecutionContext, drips: DripsResource) -> dg.MaterializeResult:
    """Send what is due, each message at most once."""
    with drips.warehouse() as warehouse:
        overtaken = is_overtaken(context.run.tags, drips.pipeline, warehouse)
        report = DispatchReport() if overtaken else send_due(drips.pipeline, warehouse, drips.settings)
        in_doubt, losses = doubts(warehouse), told_losses(drips.project, warehouse)
    if overtaken:
        context.log.info("a later tick has begun: what this one left due is due there, and goes out with its own run")
    if report.stopped:
        context.log.error(f"sending stopped early, {left_due(report)} of {report.due} stay due: {report.stopped}")
    return dg.MaterializeResult(
        metadata={
            "due": report.due,
            "sent": report.sent,
            "failed": report.failed,
            "bounced": report.bounced,
            "deferred": report.deferred,
            "in_doubt": report.in_doubt,
            "refused": report.refused,
            "held": report.held,
            "left_due": left_due(report),
            "stopped": report.stopped or "",
        },
        check_results=[
            _stopped_check(report),
            _in_doubt_check(in_doubt),
            dg.AssetCheckResult(check_name=_WHOLE, passed=not losses, description="; ".join(losses[:10]) or None),
        ],
    )


def _stopped_check(report: DispatchReport) -> dg.AssetCheckResult:
    if report.stopped is None:
        return dg.AssetCheckResult(check_name=_STOPPED, passed=True)
    return dg.AssetCheckResult(
        check_name=_STOPPED,
        passed=False,
        description=report.stopped,
        metadata={
            "left_due": left_due(report),
            "what_to_do": "`drips doctor` checks the mail servers; what is left goes with the next tick",
        },
    )


def _in_doubt_check(in_doubt: list[Doubt]) -> dg.AssetCheckResult:
    if not in_doubt:
        return dg.AssetCheckResult(check_name=_IN_DOUBT, passed=True)
    return dg.AssetCheckResult(
        check_name=_IN_DOUBT,
        passed=False,
        description=f"in doubt, the oldest first: {', '.join(doubt.claim.message_id for doubt in in_doubt[:10])}",
        metadata={
            "in_doubt": len(in_doubt),
            "what_to_do": "`drips resolve` lists them and is told what became of them",
        },
    )


@dg.multi_asset(specs=_journal(_FINISHED, [DELIVERY_LOG, dg.AssetKey(["journal", "verdicts"])], SEND), pool=POOL)
def finished_journal(context: dg.AssetExecutionContext, drips: DripsResource) -> Iterator[dg.MaterializeResult]:
    """Complete enrollments with no step left and finish the tick; a run that was overtaken finishes none."""
    with drips.warehouse() as warehouse:
        overtaken = is_overtaken(context.run.tags, drips.pipeline, warehouse)
        completed = 0 if overtaken else drips.pipeline.settle(warehouse)
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
