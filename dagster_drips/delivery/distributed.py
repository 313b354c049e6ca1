"""Sending in shards where nobody starts processes himself: the parts of it, each for a process anywhere.

`open_batch`, then at the same time `attend_to` by one process and `shard_worker.send_shard` by one a shard, then
`close_batch`. All of them see the project's folder, with locks that hold between their machines. Whoever begins another
send in between takes the batch away. Dagster's steps are `orchestration.sending_in_shards`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime

from dagster_drips.delivery.batch import Batch, add_outcomes
from dagster_drips.delivery.dispatch_report import DispatchReport
from dagster_drips.delivery.ingestion import ingest_deliveries
from dagster_drips.delivery.opening import MANY_MESSAGES, keep_stops, only_one, opened, take_stock
from dagster_drips.delivery.refusals import AskedRefusals
from dagster_drips.delivery.shards import split
from dagster_drips.delivery.shared_refusals import attend
from dagster_drips.delivery.sharing import shards_for
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import Warehouse

BEGINNING_SECONDS = 600.0
"""For so long it is waited for shards to begin while none is being sent: an executor may have no room for them."""


def open_batch(
    project: Project,
    warehouse: Warehouse,
    settings: Settings,
    name: str,
    *,
    as_of: datetime,
    now: Callable[[], datetime],
) -> int:
    """Write a batch of what is due; returns its shards, 0 where there is nothing to send.

    Args:
        project: where the journal lies.
        warehouse: open for writing.
        settings: how many shards at most; to whom mail may go.
        name: of the batch.
        as_of: the tick's instant.
        now: the time to record, naive UTC.

    Raises:
        DripsError: as `dispatch`, before anything is claimed.
    """
    with only_one(project), ExitStack() as meanwhile:
        take_stock(project, warehouse, settings, now)
        with opened(project, warehouse, settings, as_of=as_of) as report:
            messages = report.due - report.only_to
            if not messages:
                return 0
            if report.due > MANY_MESSAGES:
                meanwhile.enter_context(warehouse.modest())
            shards = shards_for(settings, messages)
            split(project, warehouse, report, shards, as_of=as_of, now=now, name=name)
            return shards


def attend_to(batch: Batch, warehouse: Warehouse, refresh: Callable[[], object]) -> None:
    """Say who must not get mail any more, as long as the batch is being sent.

    Args:
        batch: that somebody else has opened.
        warehouse: of the project.
        refresh: as of `dispatch`.
    """
    facts = batch.facts
    if facts is None:
        return
    waiting_since = time.monotonic()

    def is_over() -> bool:
        nonlocal waiting_since
        shards = range(facts.shards)
        if not batch.stands or all(batch.is_sent(shard) for shard in shards):
            return True
        if any(batch.has_begun(shard) and not batch.is_sent(shard) for shard in shards):
            waiting_since = time.monotonic()
        return time.monotonic() - waiting_since >= BEGINNING_SECONDS

    with batch.attended(), ExitStack() as meanwhile:
        if facts.due > MANY_MESSAGES:
            meanwhile.enter_context(warehouse.modest())
        attend(batch, AskedRefusals(warehouse, refresh), is_over)


def close_batch(
    project: Project, warehouse: Warehouse, batch: Batch, settings: Settings, *, now: Callable[[], datetime]
) -> DispatchReport:
    """Take in what was sent of a batch, and take it away.

    Args:
        project: where the journal lies.
        warehouse: open for writing.
        batch: whose shards have all been sent.
        settings: what becomes of messages in doubt.
        now: the time to record, naive UTC.

    Raises:
        DripsError: a later send took it away; a shard could not be sent. What was sent is in the journal.
    """
    with only_one(project):
        facts = batch.facts
        if facts is None:
            raise DripsError("another send has begun since, and took over what was left; nothing was sent twice")
        report = DispatchReport(due=facts.due, only_to=facts.only_to)
        errors = add_outcomes(batch, report, ["it was not sent to its end; what is left stays due"] * facts.shards)
        batch.take_away()
        settled = ingest_deliveries(project, warehouse, now=now, resend=settings.in_doubt == "resend")
        report.in_doubt += settled.settled_in_doubt
        if errors:
            report.stop({"sending": errors[0]})
        keep_stops(warehouse, report.stops, report.left_due)
        if errors:
            raise DripsError(errors[0])
        return report
