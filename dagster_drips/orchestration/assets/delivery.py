"""The send: due steps over SMTP, and what became of each."""

import dagster as dg

from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.delivery.resolve import Doubt, doubts
from dagster_drips.orchestration.names import DELIVERY_LOG, DUE_STEPS, OWNERS, POOL, SEND
from dagster_drips.orchestration.resources import DripsResource
from dagster_drips.orchestration.tick_tags import is_overtaken
from dagster_drips.pipeline.sending import left_due, send_due

# Neither blocks: a mail server that is down must not keep the tick from being finished and measured. Both are errors,
# not warnings: mail that should have gone has not, or waits for a person to say what became of it.
_STOPPED, _IN_DOUBT = "sending_did_not_stop_early", "nothing_is_in_doubt"
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
]


@dg.asset(
    key=DELIVERY_LOG,
    deps=[DUE_STEPS, ["decide", "refused_steps"], ["journal", "enrollment_decisions"]],
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
        in_doubt = doubts(warehouse)
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
        check_results=[_stopped_check(report), _in_doubt_check(in_doubt)],
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
