"""Several connections sending one batch, and the circuit breaker that stops them.

Here a claimed message is rendered, built and handed over, and its outcome journaled. Which messages make a batch is
settled in `dispatch`; one connection's dialogue is in `transport`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from dagster_drips.errors import DripsError
from dagster_drips.mail.journal import DeliveryJournal, Result
from dagster_drips.mail.links import links_for
from dagster_drips.mail.message import AddressError, OutgoingMessage, Sender, build_message
from dagster_drips.mail.templates import RenderError, StepTemplate, message_context
from dagster_drips.mail.transport import Connection, Outcome, ServerUnavailable
from dagster_drips.settings import SmtpServer

LOSSES_IN_A_ROW = 3
"""Connections lost without a message sent in between, after which the batch stops."""
RETRY_AFTER = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(hours=24),
)
"""How long after its tick a deferred attempt may be repeated; one more deferral than these is a failure."""


@dataclass(frozen=True)
class Item:
    """One claimed message: its row of `due_messages.sql` and the step's templates, or why there are none."""

    due: Mapping[str, Any]
    template: StepTemplate | RenderError


class Crew:
    """Connections kept open over the batches of one run, a thread each.

    Args:
        server: where to.
        size: connections at most.
        journal: where outcomes go.
        now: the time to record, naive UTC; asked once a batch, by the thread that calls `send`.
        on_outcome: told each outcome's kind; called from several threads, one at a time.
    """

    def __init__(
        self,
        server: SmtpServer,
        *,
        size: int,
        journal: DeliveryJournal,
        now: Callable[[], datetime],
        on_outcome: Callable[[str], None],
    ):
        self.stopped: str | None = None
        """Why sending stopped; None while it goes on."""
        self._server = server
        self._connections = [Connection(server) for _ in range(size)]
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="drips-send")
        self._journal = journal
        self._now = now
        self._batch_began = (now(), time.monotonic())
        self._on_outcome = on_outcome
        self._lock = threading.Lock()
        self._losses = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop("sending was interrupted")
        self._threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def ready(self) -> bool:
        """Whether the server takes us now; to be asked before anything is claimed. If not, `stopped` says why.

        Raises:
            DripsError: the login or TLS was refused.
        """
        try:
            self._connections[0].open()
        except ServerUnavailable as error:
            self._stop(str(error))
        return self.stopped is None

    def send(self, batch: Iterable[Item]) -> None:
        """Send a claimed batch; returns when each message has its outcome, or `stopped` says why the rest has none.

        Raises:
            DripsError: the journal can't be written.
        """
        waiting = deque(batch)
        self._batch_began = (self._now(), time.monotonic())
        crew = self._connections[: max(1, min(len(self._connections), len(waiting)))]
        work = [self._threads.submit(self._send_from, waiting, connection) for connection in crew]
        wait(work)
        reasons = [reason for task in work if (reason := task.result())]
        if waiting and self.stopped is None:
            self._stop(reasons[0] if reasons else "no connection was left")

    def _send_from(self, waiting: deque[Item], connection: Connection) -> str | None:
        """One connection's share of a batch; the reason where it had to leave."""
        try:
            while waiting and self.stopped is None:
                try:
                    connection.open()
                except (ServerUnavailable, DripsError) as error:
                    return str(error)
                try:
                    item = waiting.popleft()
                except IndexError:
                    return None
                self._send_one(item, connection)
        except BaseException:
            self._stop("sending was interrupted")
            raise
        return None

    def _send_one(self, item: Item, connection: Connection) -> None:
        due = item.due
        try:
            message = self._message(item)
        except RenderError as error:
            self._record(due, Outcome("failed", detail=f"render_error: {error}"))
            return
        except AddressError as error:
            self._record(due, Outcome("failed", detail=f"bad_address: {error}"))
            return
        self._journal.sending(due["message_id"], due["attempt"])
        outcome = connection.send(message)
        self._record(due, outcome)
        self._judge(outcome)

    def _message(self, item: Item) -> OutgoingMessage:
        due, template = item.due, item.template
        if isinstance(template, RenderError):
            raise template
        links = links_for(due["message_id"], replies_to=due["sender_reply_to"] or due["sender_email"])
        context = message_context(
            due, lead=due["lead"] or {}, event=due["event"], sequence_name=template.sequence_name, links=links
        )
        return build_message(
            template.render(context),
            message_id=due["message_id"],
            sequence_id=due["sequence_id"],
            step_id=due["step_id"],
            sender=Sender(due["sender_email"], due["sender_name"], due["sender_reply_to"]),
            recipient=due["recipient"],
            links=links,
            date=self._time(),
        )

    def _record(self, due: Mapping[str, Any], outcome: Outcome) -> None:
        kind, detail, retry_at = outcome.outcome, outcome.detail, None
        if kind == "deferred" and due["attempt"] > len(RETRY_AFTER):
            kind, detail = "failed", f"gave up after {due['attempt']} attempts: {detail}"
        elif kind == "deferred":
            retry_at = due["as_of"] + RETRY_AFTER[due["attempt"] - 1]
        self._journal.result(
            Result(
                due["message_id"],
                due["attempt"],
                kind,
                self._time(),
                outcome.smtp_code,
                outcome.enhanced_code,
                detail,
                retry_at,
            )
        )
        with self._lock:
            self._on_outcome(kind)

    def _time(self) -> datetime:
        began, at = self._batch_began
        return (began + timedelta(seconds=time.monotonic() - at)).replace(microsecond=0)

    def _judge(self, outcome: Outcome) -> None:
        """The circuit breaker: a server that does not take us, or drops us again and again, gets no more."""
        with self._lock:
            if outcome.outcome == "sent":
                self._losses = 0
            elif outcome.lost_connection:
                self._losses += 1
            too_many = self._losses >= LOSSES_IN_A_ROW
        if outcome.not_allowed_in:
            self._stop(
                f"the mail server {self._server.address} takes no mail from us: {outcome.smtp_code} {outcome.detail}"
            )
        elif too_many:
            self._stop(
                f"the mail server {self._server.address} dropped us {LOSSES_IN_A_ROW} times in a row: {outcome.detail}"
            )

    def _stop(self, reason: str) -> None:
        with self._lock:
            self.stopped = self.stopped or reason


def count_outcomes(
    counts: Counter[str], progress: Callable[[int, int], None] | None, due: int
) -> Callable[[str], None]:
    """An `on_outcome` that counts by kind and reports `progress(done, due)`."""

    def on_outcome(kind: str) -> None:
        counts[kind] += 1
        if progress:
            progress(counts.total(), due)

    return on_outcome
