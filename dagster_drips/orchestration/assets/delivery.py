"""The send: due steps over SMTP, and what became of each."""

import dagster as dg

from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import OWNERS, SEND, Names
from dagster_drips.orchestration.tick_tags import is_overtaken
from dagster_drips.pipeline.checks import IN_DOUBT, STOPPED, WHOLE, sending_checks


def build_delivery_log(names: Names) -> dg.AssetsDefinition:
    """The asset that sends."""

    @dg.asset(
        key=names.delivery_log,
        deps=[
            *names.keys("decide", "due_steps", "sendable_steps", "refused_steps", "exited_steps"),
            names.key("journal", "enrollment_decisions"),
        ],
        group_name=names.group(SEND),
        owners=OWNERS,
        kinds={"smtp", "duckdb"},
        description="Dispatch of the due steps over SMTP; one row per fact of a delivery.",
        check_specs=_sending_checks(names.delivery_log),
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def delivery_log(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Send what is due, each message at most once."""
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            overtaken = is_overtaken(context.run.tags, drips.pipeline, warehouse)
            report = DispatchReport() if overtaken else drips.pipeline.send(warehouse, drips.settings)
            checks = sending_checks(drips.project, warehouse, report)
        if overtaken:
            context.log.info(
                "a later tick has begun: what this one left due is due there, and goes out with its own run"
            )
        if report.only_to:
            context.log.warning(
                f"{report.only_to} of {report.due} stay due: DRIPS_ONLY_TO lets mail go to others alone"
            )
        if report.stopped:
            context.log.error(f"sending stopped early, {report.left_due} of {report.due} stay due: {report.stopped}")
        return dg.MaterializeResult(
            metadata=metadata_of(report),
            check_results=[result_of(check, names) for check in checks],
        )

    return delivery_log


def metadata_of(report: DispatchReport) -> dict[str, int | str]:
    """What became of what was due, as the log's materialization tells it."""
    return {
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
    }


def build_held_messages(names: Names) -> dg.AssetSpec:
    """What the sending leaves beside its log."""
    return names.spec(
        "raw",
        "held_messages",
        SEND,
        "One row per due message that the last sending held back, with the reason; it stays due.",
        deps=[names.delivery_log],
    )


def _sending_checks(log: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    # None blocks: a mail server that is down must not keep the tick from being finished and measured. All are errors,
    # not warnings: mail that should have gone has not, or a person has to look.
    return [
        dg.AssetCheckSpec(
            STOPPED,
            asset=log,
            description="All that is due was offered to its mail server, or left by a suppression, exit or rate limit.",
        ),
        dg.AssetCheckSpec(
            IN_DOUBT,
            asset=log,
            description="No message of any run may or may not have been sent; such a one holds its enrollment.",
        ),
        dg.AssetCheckSpec(
            WHOLE,
            asset=log,
            description="No file of the delivery journal is gone, or shorter than when it was read into the warehouse.",
        ),
    ]
