"""One tick from taking the project's lock to giving it back: what `drips run` is, and each tick of a watch.

The phases and their order are `Pipeline.tick`'s; Dagster's assets are the same phases one by one. Here belongs what
stands around them; nothing here imports Dagster, and dbt is imported only where a file of the dbt project changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime

from dagster_drips.landing.files import ignored_files
from dagster_drips.pipeline.checks import (
    Check,
    gates_check,
    intake_check,
    load_checks,
    segments_check,
    sending_checks,
    sequences_check,
)
from dagster_drips.pipeline.data_test_checks import failed_test_checks
from dagster_drips.pipeline.dbt_runner import TransformFailed
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.run_lock import WAIT_SECONDS, exclusive_run
from dagster_drips.pipeline.tick import Phase, Pipeline, TickReport
from dagster_drips.runs.publishing import publish_tick
from dagster_drips.runs.report import RunReport
from dagster_drips.settings import load_settings
from dagster_drips.warehouse import Warehouse, open_warehouse


def run_tick(
    pipeline: Pipeline,
    *,
    as_of: datetime | None = None,
    send: bool = True,
    wait_seconds: float = WAIT_SECONDS,
    on_wait: Callable[[], None] | None = None,
    around: Phase = nullcontext,
) -> RunReport:
    """Run a whole tick of a project and publish what came of it.

    Args:
        pipeline: the project's own; what it knows of the files it looks at anew.
        as_of: the tick's instant; the wall clock's where None.
        send: send what is due; else it stays due.
        wait_seconds: how long to wait for another run of the project.
        on_wait: called once if there is something to wait for.
        around: entered and left around each phase, and around publishing (`publish`).

    Raises:
        DripsError: another run goes on, the instant is past, or a phase can't do its work.
    """
    project, began = pipeline.project, time.monotonic()
    with (
        exclusive_run(project, wait_seconds=wait_seconds, on_wait=on_wait),
        open_warehouse(pipeline.transform.warehouse) as warehouse,
    ):
        pipeline.transform.look_again()
        settings = load_settings(project)
        tick = pipeline.tick(warehouse, as_of, settings=settings, leave_due=not send, around=around)
        tests = pipeline.check_marts(warehouse)
        if broken := [node for node in tick.measured if node.failed]:
            raise TransformFailed(f"dbt model {broken[0].name} failed: {broken[0].message}", tick.measured)
        failed = [check for check in _checks(pipeline, warehouse, tick, tests) if not check.passed]
        with around("publish"):
            publish_tick(pipeline, warehouse)
    return RunReport(tick, failed, time.monotonic() - began)


def _checks(pipeline: Pipeline, warehouse: Warehouse, tick: TickReport, tests: list[NodeResult]) -> list[Check]:
    """All checks of a tick, in the order of its phases."""
    project, ignored = pipeline.project, ignored_files(pipeline.project)
    return [
        sequences_check(tick.problems),
        intake_check(tick.intake),
        *(check for report in tick.loaded.values() for check in load_checks(report, ignored)),
        *failed_test_checks(pipeline.transform, tick.decided.tests),
        segments_check(warehouse),
        gates_check(warehouse),
        *(sending_checks(project, warehouse, tick.sent) if tick.sent else ()),
        *failed_test_checks(pipeline.transform, tests),
    ]
