"""Sending what is due: the journal ingested, servers connected to, claims before SMTP, outcomes as they come.

SQL found who gets what (`decide.due_steps`), says what the log leaves to send of it (`decide.sendable_steps`) and who
may not get it any more (`decide.refused_steps`, `decide.exited_steps`); here is only the order of steps that makes it
safe to be interrupted anywhere. Nothing here knows of Dagster.
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dagster_drips.addresses import OnlyTo, without_addresses
from dagster_drips.blob_store import BlobStore
from dagster_drips.delivery.delivery_journal import DeliveryJournal
from dagster_drips.delivery.ingestion import cut_files, ingest_deliveries
from dagster_drips.delivery.losses import hold_cut_off
from dagster_drips.delivery.place import require_place
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.smtp.deadlines import DEADLINES, Deadlines
from dagster_drips.warehouse.engine_errors import engine_error
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))
_MANY_MESSAGES = 2_000
"""For fewer it takes longer to write what the tick has made to the file, and so to need little memory, than to send."""


@dataclass
class DispatchReport:
    """What became of what was due, in messages."""

    due: int = 0
    sent: int = 0
    deferred: int = 0
    bounced: int = 0
    failed: int = 0
    in_doubt: int = 0
    refused: int = 0
    """Suppressed at the moment of sending (L3); they leave no message."""
    exited_at_send: int = 0
    """Of enrollments that have ended by what landed since the tick decided (L1); they leave no message."""
    held: int = 0
    """Left due because the rates of their sender or domain would have let them go too late for this run."""
    only_to: int = 0
    """Left due because `DRIPS_ONLY_TO` lets mail go to others alone."""
    stopped: str | None = None
    """Which servers took no (more) mail, and which senders may not send it, and why; what is left stays due."""
    stops: dict[str, str] = field(default_factory=dict)
    """The same by server and sender."""

    @property
    def left_due(self) -> int:
        """How many messages no server was asked to take since sending stopped early."""
        ended = self.sent + self.deferred + self.bounced + self.failed + self.in_doubt
        return self.due - ended - self.refused - self.exited_at_send - self.held - self.only_to


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

    Args:
        project: where the journal lies.
        warehouse: open for writing.
        settings: the mail servers, how many connections to each, what becomes of messages in doubt.
        as_of: the tick's instant; due rows of another tick are a mistake of the caller's.
        now: the time to record, naive UTC.
        refresh: called about once a second before messages are claimed: loads what has landed meanwhile and sets
            `raw.tick.sending_at`, so that `decide.refused_steps` (L3) and `decide.exited_steps` (L1) are up to then.
        progress: called with `(done, due)` after each message.
        deadlines: how long servers are waited for.

    Raises:
        DripsError: another send is running; the project is a copy (`place`); no mail server is set, or none takes our
            login or TLS (nothing is claimed then); a key can't be read; the journal can't be written.
    """
    resend = settings.in_doubt == "resend"
    with _only_one(project), ExitStack() as while_sending:
        cut_files(project, warehouse, closed=True)
        if ingest_deliveries(project, warehouse, now=now, resend=resend).alive:
            raise DripsError("a process of an earlier send still lives and may be sending; end it first")
        hold_cut_off(project, warehouse, now=now)
        warehouse.execute(_STATEMENTS["forget_stops"])
        warehouse.execute(_STATEMENTS["open"])
        try:
            report = DispatchReport(due=warehouse.value(_STATEMENTS["count"]))
            report.only_to = _hold_all_but(warehouse, settings.only_to)
            if report.due == report.only_to:
                return report
            if report.due > _MANY_MESSAGES:
                while_sending.enter_context(warehouse.modest())
            require_place(project)
            if stale := warehouse.value(_STATEMENTS["other_tick"], [as_of]):
                raise DripsError(f"what is due was decided for {stale}, not for this tick; nothing was sent")
            with DeliveryJournal(project, now=now, resend=resend) as journal:
                _send_all(
                    warehouse, settings, journal, BlobStore.of(project), now, refresh, progress, deadlines, report
                )
            _keep_stops(warehouse, report.stops, report.left_due)
        except DripsError as error:
            # A disk that is full for the journal is full for the warehouse: what is told is why sending stopped.
            with suppress(engine_error()):
                _keep_stops(warehouse, {"sending": str(error)}, None)
            raise
        finally:
            warehouse.execute(_STATEMENTS["close"])
        ingest_deliveries(project, warehouse, now=now, resend=resend)
        return report


def _hold_all_but(warehouse: Warehouse, only_to: OnlyTo) -> int:
    """Leave due what goes to anybody else, and keep which it is for the marts; returns how many messages."""
    warehouse.execute(_STATEMENTS["forget_held"])
    if not only_to:
        return 0
    allowed = [json.dumps(sorted(only_to.addresses)), json.dumps(sorted(only_to.domains))]
    warehouse.execute(_STATEMENTS["hold_all_but"], allowed)
    warehouse.execute(_STATEMENTS["leave_held"])
    return warehouse.value(_STATEMENTS["held"])


def _keep_stops(warehouse: Warehouse, stops: dict[str, str], left_due: int | None) -> None:
    left = {} if left_due is None else {"left_due": left_due}
    rows = [{"subject": subject, "reason": without_addresses(reason), **left} for subject, reason in stops.items()]
    warehouse.append_rows("raw.sending_stops", rows)


def _send_all(
    warehouse: Warehouse,
    settings: Settings,
    journal: DeliveryJournal,
    files: BlobStore,
    now: Callable[[], datetime],
    refresh: Callable[[], object] | None,
    progress: Callable[[int, int], None] | None,
    deadlines: Deadlines,
    report: DispatchReport,
) -> None:
    # Imported late: a third of a second that a tick with nothing due need not wait for.
    from dagster_drips.delivery.composer import Composer
    from dagster_drips.delivery.connection_pool import ConnectionPool
    from dagster_drips.delivery.queue import MessageQueue
    from dagster_drips.delivery.routes import Routes
    from dagster_drips.links.message_links import LinkMaker
    from dagster_drips.templating.templates import TemplateCache

    routes = Routes(warehouse, settings)
    links = LinkMaker.of(settings)
    counts: Counter[str] = Counter()
    stops: dict[str, str] = {}

    def on_outcome(kind: str) -> None:
        counts[kind] += 1
        if progress:
            progress(counts.total(), report.due)

    pool = ConnectionPool(
        routes.servers,
        size=min(settings.smtp_connections, report.due),
        journal=journal,
        rate_limiter=routes.rate_limiter,
        compose=Composer(links, files),
        now=now,
        on_outcome=on_outcome,
        timeout=deadlines.reply,
        final_timeout=deadlines.final,
    )
    with pool:
        if pool.ready(routes.ways):
            queue = MessageQueue(
                warehouse,
                journal,
                templates=TemplateCache(warehouse, links),
                routes=routes,
                refresh=refresh,
                is_open=pool.is_open,
                between_ticks=settings.schedule.shortest,
            )
            pool.send(queue.next_batch, lambda: queue.next_at)
            report.refused, report.exited_at_send, report.held = queue.refused, queue.exited, queue.held
            stops = {f"sender {one}": _reserved(one, count) for one, count in queue.reserved_senders.items()}
    report.stops = {**pool.stops, **stops}
    report.stopped = "; ".join(report.stops.values()) or None
    for kind, count in counts.items():
        setattr(report, kind, count)


def _reserved(sender: str, count: int) -> str:
    return (
        f"{count} of sender {sender}, which is at a domain reserved for examples (RFC 2606), go to nobody but reserved"
        " domains or a mail server on this machine: give the sequence a sender of yours"
    )


@contextmanager
def _only_one(project: Project) -> Generator[None]:
    """Keeps a second send of this project out as long as this one lives, however it ends."""
    path = project.journal / "dispatch.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DripsError("another send is running; wait for it to end", file=path) from error
        yield
