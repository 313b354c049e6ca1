"""The send: due steps over SMTP, and what became of each."""

import dagster as dg

from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import DELIVERY_LOG, DUE_STEPS, OWNERS, POOL, SEND
from dagster_drips.orchestration.resources import DripsResource
from dagster_drips.orchestration.tick_tags import is_overtaken
from dagster_drips.pipeline.checks import IN_DOUBT, STOPPED, WHOLE, sending_checks

# None blocks: a mail server that is down must not keep the tick from being finished and measured. All are errors, not
# warnings: mail that should have gone has not, or a person has to look.
_SENDING_CHECKS = [
    dg.AssetCheckSpec(
        STOPPED,
        asset=DELIVERY_LOG,
        description="All that is due was offered to its mail server, or left for a suppression, exit or rate limit.",
    ),
    dg.AssetCheckSpec(
        IN_DOUBT,
        asset=DELIVERY_LOG,
        description="No message of any run may or may not have been sent; such a one holds its enrollment.",
    ),
    dg.AssetCheckSpec(
        WHOLE,
        asset=DELIVERY_LOG,
        description="No file of the delivery journal is gone, or shorter than when it was read into the warehouse.",
    ),
]


@dg.asset(
    key=DELIVERY_LOG,
    deps=[
        DUE_STEPS,
        ["decide", "sendable_steps"],
        ["decide", "refused_steps"],
        ["decide", "exited_steps"],
        ["journal", "enrollment_decisions"],
    ],
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
        report = DispatchReport() if overtaken else drips.pipeline.send(warehouse, drips.settings)
        checks = sending_checks(drips.project, warehouse, report)
    if overtaken:
        context.log.info("a later tick has begun: what this one left due is due there, and goes out with its own run")
    if report.only_to:
        context.log.warning(f"{report.only_to} of {report.due} stay due: DRIPS_ONLY_TO lets mail go to others alone")
    if report.stopped:
        context.log.error(f"sending stopped early, {report.left_due} of {report.due} stay due: {report.stopped}")
    return dg.MaterializeResult(
        metadata={
            "due": report.due,
            "sent": report.sent,
            "failed": report.failed,
            "bounced": report.bounced,
            "deferred": report.deferred,
            "in_doubt": report.in_doubt,
            "refused": report.refused,
            "exited_at_send": report.exited_at_send,
            "held": report.held,
            "only_to": report.only_to,
            "left_due": report.left_due,
            "stopped": report.stopped or "",
        },
        check_results=[result_of(check) for check in checks],
    )


HELD_MESSAGES = dg.AssetSpec(
    ["raw", "held_messages"],
    deps=[DELIVERY_LOG],
    group_name=SEND,
    owners=OWNERS,
    kinds={"duckdb"},
    description="One row per due message that the last sending held back, with the reason; it stays due.",
)
