"""Sending what is due: batches in rank order, suppressions read again, claims before SMTP, the journal folded.

SQL found who gets what (`decide.due_steps`) and says who may not any more (`decide.refused_steps`); here is only the
order of steps that makes it safe to be interrupted anywhere. Nothing here knows of Dagster.
"""

from __future__ import annotations

import fcntl
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.errors import DripsError
from dagster_drips.mail.crew import Crew, Item, count_outcomes
from dagster_drips.mail.fold import fold
from dagster_drips.mail.journal import Claim, DeliveryJournal
from dagster_drips.mail.templates import RenderError, StepTemplate, TemplateCache
from dagster_drips.project import Project
from dagster_drips.settings import Settings, SmtpServer
from dagster_drips.warehouse.port import Warehouse

BATCH = 200
"""Messages claimed at a time: what a power cut may leave in doubt, and how often suppressions are read again."""

_DUE = Path(__file__).with_name("due_messages.sql")
_DUE_COUNT = Path(__file__).with_name("due_count.sql")
_REFUSED = "select message_id from decide.refused_steps where list_contains(?, message_id)"
_CLAIM_COLUMNS = Claim.__struct_fields__


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
    stopped: str | None = None
    """Why the rest stays due, where sending stopped early."""


def dispatch(
    project: Project,
    warehouse: Warehouse,
    settings: Settings,
    *,
    as_of: datetime,
    now: Callable[[], datetime],
    refresh: Callable[[], object] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DispatchReport:
    """Send what `decide.due_steps` holds for this tick, each message at most once, whatever happened before.

    Args:
        project: where the journal lies.
        warehouse: open for writing.
        settings: the mail server and how many connections.
        as_of: the tick's instant; due rows of another tick are a mistake of the caller's.
        now: the time to record, naive UTC; called by the calling thread only, so it may read the warehouse.
        refresh: called before each batch: loads what has landed meanwhile and sets `raw.tick.sending_at`, so that
            `decide.refused_steps` is up to that moment (L3).
        progress: told `(done, due)` after each message, by several threads, one at a time.

    Raises:
        DripsError: another send is running; no mail server is set, or it refuses our login or TLS (nothing is claimed
            then); the journal can't be written.
    """
    with _only_one(project):
        fold(project, warehouse, now=now)
        report = DispatchReport(due=warehouse.value(_DUE_COUNT.read_text(encoding="utf-8")))
        if not report.due:
            return report
        if settings.smtp_server is None:
            raise DripsError("no mail server is set: put DRIPS_SMTP_URL into the environment or the project's .env")
        if stale := warehouse.value("select max(as_of) from decide.due_steps where as_of <> ?", [as_of]):
            raise DripsError(f"what is due was decided for {stale}, not for this tick; nothing was sent")
        _send_all(project, warehouse, settings.smtp_server, settings.smtp_connections, now, refresh, progress, report)
        fold(project, warehouse, now=now)
        return report


def _send_all(
    project: Project,
    warehouse: Warehouse,
    server: SmtpServer,
    connections: int,
    now: Callable[[], datetime],
    refresh: Callable[[], object] | None,
    progress: Callable[[int, int], None] | None,
    report: DispatchReport,
) -> None:
    counts: Counter[str] = Counter()
    templates = TemplateCache(warehouse)
    size = min(connections, report.due)
    with (
        DeliveryJournal(project, now=now) as journal,
        Crew(
            server, size=size, journal=journal, now=now, on_outcome=count_outcomes(counts, progress, report.due)
        ) as crew,
    ):
        if crew.ready():
            for batch in warehouse.batches(_DUE.read_text(encoding="utf-8"), size=BATCH):
                if refresh:
                    refresh()
                allowed = _not_refused(warehouse, batch)
                report.refused += len(batch) - len(allowed)
                items = [Item(due, _template_of(due, templates)) for due in allowed]
                if items:
                    journal.claim([_claim_of(item.due) for item in items])
                    crew.send(items)
                if crew.stopped:
                    break
        report.stopped = crew.stopped
    for kind, count in counts.items():
        setattr(report, kind, count)


def _not_refused(warehouse: Warehouse, batch: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    ids = [due["message_id"] for due in batch]
    refused = {row["message_id"] for row in warehouse.rows(_REFUSED, [ids])}
    return [due for due in batch if due["message_id"] not in refused]


def _template_of(due: Mapping[str, Any], templates: TemplateCache) -> StepTemplate | RenderError:
    try:
        return templates.step(due["sequence_id"], due["version_id"], due["step_id"], due["variant_id"])
    except RenderError as error:
        return error


def _claim_of(due: Mapping[str, Any]) -> Claim:
    return Claim(**{**{name: due[name] for name in _CLAIM_COLUMNS if name in due}, "sender": due["sender_email"]})


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
