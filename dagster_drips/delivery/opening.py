"""What stands before any sending, whoever does it: one at a time, the journal known, what is due laid open.

The order is what makes it safe to be interrupted anywhere: batches of shards are taken away before the journal is
asked who lives, and nothing is opened before the journal is ingested. Sending is `dispatch`'s and `distributed`'s.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from dagster_drips.addresses import OnlyTo, without_addresses
from dagster_drips.delivery.batch import take_away_batches
from dagster_drips.delivery.dispatch_report import DispatchReport
from dagster_drips.delivery.ingestion import IngestionReport, cut_files, ingest_deliveries
from dagster_drips.delivery.losses import hold_cut_off
from dagster_drips.delivery.place import require_place
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.engine_errors import engine_error
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

MANY_MESSAGES = 2_000
"""For fewer it takes longer to write what the tick has made to the file, and so to need little memory, than to send."""
_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))
# Shards whose first process was killed end what they have begun.
_PATIENCE_SECONDS = 10.0


@contextmanager
def only_one(project: Project) -> Generator[None]:
    """Keeps a second send of this project out as long as this one lives, however it ends.

    Raises:
        DripsError: another send is running.
    """
    path = project.journal / "dispatch.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DripsError("another send is running; wait for it to end", file=path) from error
        yield


def take_in(project: Project, warehouse: Warehouse, *, now: Callable[[], datetime], resend: bool) -> IngestionReport:
    """Ingest the journal, once processes have ended that an earlier send has left behind: they notice by themselves.

    Args:
        project: whose journal.
        warehouse: open for writing.
        now: the time to record for dead runs whose files name none, naive UTC.
        resend: make what they leave in doubt due again.

    Raises:
        DripsError: the journal can't be read or settled.
    """
    # In this order: a process that has no journal's file by now finds its batch gone.
    deadline = time.monotonic() + (_PATIENCE_SECONDS if take_away_batches(project) else 0.0)
    cut_files(project, warehouse, closed=True)
    while (report := ingest_deliveries(project, warehouse, now=now, resend=resend)).alive:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.1)
    return report


def take_stock(project: Project, warehouse: Warehouse, settings: Settings, now: Callable[[], datetime]) -> None:
    """Know what became of everything that was ever claimed.

    Raises:
        DripsError: a process of an earlier send lives; the journal can't be read or settled.
    """
    if take_in(project, warehouse, now=now, resend=settings.in_doubt == "resend").alive:
        raise DripsError("a process of an earlier send still lives and may be sending; end it first")
    hold_cut_off(project, warehouse, now=now)
    warehouse.execute(_STATEMENTS["forget_stops"])


@contextmanager
def opened(project: Project, warehouse: Warehouse, settings: Settings, *, as_of: datetime) -> Generator[DispatchReport]:
    """What is due, in the table `sending`, and a report of it; an error is kept as what stopped the sending.

    Raises:
        DripsError: the project is a copy (`place`); what is due is another tick's.
    """
    warehouse.execute(_STATEMENTS["open"])
    try:
        report = DispatchReport(due=warehouse.value(_STATEMENTS["count"]))
        report.only_to = _hold_all_but(warehouse, settings.only_to)
        if report.due > report.only_to:
            require_place(project)
            if stale := warehouse.value(_STATEMENTS["other_tick"], [as_of]):
                raise DripsError(f"what is due was decided for {stale}, not for this tick; nothing was sent")
        yield report
    except DripsError as error:
        # A disk that is full for the journal is full for the warehouse: what is told is why sending stopped.
        with suppress(engine_error()):
            keep_stops(warehouse, {"sending": str(error)}, None)
        raise
    finally:
        warehouse.execute(_STATEMENTS["close"])


def keep_stops(warehouse: Warehouse, stops: dict[str, str], left_due: int | None) -> None:
    """Keep for the marts why sending stopped early, and how many messages it left due (None: nobody knows)."""
    left = {} if left_due is None else {"left_due": left_due}
    rows = [{"subject": subject, "reason": without_addresses(reason), **left} for subject, reason in stops.items()]
    warehouse.append_rows("raw.sending_stops", rows)


def _hold_all_but(warehouse: Warehouse, only_to: OnlyTo) -> int:
    """Leave due what goes to anybody else, and keep which it is for the marts; returns how many messages."""
    warehouse.execute(_STATEMENTS["forget_held"])
    if not only_to:
        return 0
    allowed = [json.dumps(sorted(only_to.addresses)), json.dumps(sorted(only_to.domains))]
    warehouse.execute(_STATEMENTS["hold_all_but"], allowed)
    warehouse.execute(_STATEMENTS["leave_held"])
    return warehouse.value(_STATEMENTS["held"])
