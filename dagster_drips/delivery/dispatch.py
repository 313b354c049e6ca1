"""Sending what is due: the journal ingested, servers connected to, claims before SMTP, outcomes as they come.

SQL found who gets what (`decide.due_steps`), says what the log leaves to send of it (`decide.sendable_steps`) and who
may not get it any more (`decide.refused_steps`, `decide.exited_steps`); here is only the order of steps that makes it
safe to be interrupted anywhere. Nothing here knows of Dagster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime

from dagster_drips.blob_store import BlobStore
from dagster_drips.delivery.delivery_journal import DeliveryJournal
from dagster_drips.delivery.dispatch_report import DispatchReport
from dagster_drips.delivery.ingestion import ingest_deliveries
from dagster_drips.delivery.opening import MANY_MESSAGES, keep_stops, only_one, opened, take_stock
from dagster_drips.delivery.refusals import AskedRefusals
from dagster_drips.delivery.sending import send_all
from dagster_drips.delivery.sharing import shards_for
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.smtp.deadlines import DEADLINES, Deadlines
from dagster_drips.warehouse.port import Warehouse


def dispatch(
    project: Project,
    warehouse: Warehouse,
    settings: Settings,
    *,
    as_of: datetime,
    now: Callable[[], datetime],
    refresh: Callable[[], object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    deadlines: Deadlines = DEADLINES,
) -> DispatchReport:
    """Send what `decide.due_steps` holds for this tick, each message at most once, whatever happened before.

    With `DRIPS_SEND_SHARDS` processes of their own send it, each a part, where there is enough of it.

    Args:
        project: where the journal lies.
        warehouse: open for writing.
        settings: the mail servers, how many connections to each, what becomes of messages in doubt.
        as_of: the tick's instant; due rows of another tick are a mistake of the caller's.
        now: the time to record, naive UTC.
        refresh: called about once a second before messages are claimed: loads what has landed meanwhile and sets
            `raw.tick.sending_at`, so that `decide.refused_steps` (L3) and `decide.exited_steps` (L1) are up to then.
        progress: called with `(done, due)` after each message, or now and then where several processes send.
        deadlines: how long servers are waited for.

    Raises:
        DripsError: another send is running; the project is a copy (`place`); no mail server is set, or none takes our
            login or TLS (nothing is claimed then); a key can't be read; the journal can't be written.
    """
    resend = settings.in_doubt == "resend"
    refusals = AskedRefusals(warehouse, refresh)
    with only_one(project), ExitStack() as while_sending:
        take_stock(project, warehouse, settings, now)
        with opened(project, warehouse, settings, as_of=as_of) as report:
            if report.due == report.only_to:
                return report
            if report.due > MANY_MESSAGES:
                while_sending.enter_context(warehouse.modest())
            if (shards := shards_for(settings, report.due - report.only_to)) > 1:
                from dagster_drips.delivery.shard_processes import send_in_processes

                send_in_processes(
                    project,
                    warehouse,
                    settings,
                    refusals,
                    report,
                    shards,
                    as_of=as_of,
                    now=now,
                    progress=progress,
                    deadlines=deadlines,
                )
            else:
                with DeliveryJournal(project, now=now, resend=resend) as journal:
                    _send(warehouse, settings, journal, project, refusals, report, now, progress, deadlines)
            keep_stops(warehouse, report.stops, report.left_due)
        ingest_deliveries(project, warehouse, now=now, resend=resend)
        return report


def _send(
    warehouse: Warehouse,
    settings: Settings,
    journal: DeliveryJournal,
    project: Project,
    refusals: AskedRefusals,
    report: DispatchReport,
    now: Callable[[], datetime],
    progress: Callable[[int, int], None] | None,
    deadlines: Deadlines,
) -> None:
    counts: Counter[str] = Counter()

    def on_outcome(kind: str) -> None:
        counts[kind] += 1
        if progress:
            progress(counts.total(), report.due)

    left = send_all(
        warehouse,
        settings,
        journal,
        BlobStore.of(project),
        refusals,
        connections=min(settings.smtp_connections, report.due),
        now=now,
        on_outcome=on_outcome,
        deadlines=deadlines,
    )
    report.add_outcomes(counts)
    report.refused, report.exited_at_send, report.held = left.refused, left.exited, left.held
    report.stop(left.stops)
    report.add_reserved(left.reserved)
