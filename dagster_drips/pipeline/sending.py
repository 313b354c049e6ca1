"""The send phase: dispatch of this tick's due steps, with suppressions read again up to the moment (L3)."""

from __future__ import annotations

from collections.abc import Callable

from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.settings import Settings
from dagster_drips.warehouse import Warehouse


def send_due(
    pipeline: Pipeline,
    warehouse: Warehouse,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> DispatchReport:
    """Dispatch what is due at this tick; nothing where its decisions are not committed or it is finished.

    Raises:
        DripsError: no login, no TLS, another send going on: nothing was claimed.
    """
    if not pipeline.ready_to_send(warehouse):
        return DispatchReport()

    def refresh() -> None:
        pipeline.load_landing(warehouse, ("suppressions", "engagement"))
        warehouse.execute("update raw.tick set sending_at = ?", [pipeline.own_time(warehouse)])

    return dispatch(
        pipeline.project,
        warehouse,
        settings,
        as_of=pipeline.as_of(warehouse),
        now=lambda: pipeline.own_time(warehouse),
        refresh=refresh,
        progress=progress,
    )


def left_due(report: DispatchReport) -> int:
    """How many messages no server was asked to take since sending stopped early."""
    ended = report.sent + report.deferred + report.bounced + report.failed + report.in_doubt
    return report.due - ended - report.refused - report.held
