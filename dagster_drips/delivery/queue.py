"""What is due, handed out in claimed batches: read in rank order, suppressions and exits asked again, rates kept to.

Here a due message becomes a claimed `QueuedMessage`, or is left: for good where its address is suppressed (L3) or its
enrollment has ended by now (L1), for another run where no server of its route takes it or its rate lets it go too late.
Sending is in `connection_pool`. What is read ahead is a few thousand rows, however many are due.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from dagster_drips.delivery.delivery_journal import Claim, DeliveryJournal
from dagster_drips.delivery.due_message import DueMessage
from dagster_drips.delivery.due_reader import read_due
from dagster_drips.delivery.rate_limits import RateKey, rate_key_of
from dagster_drips.delivery.refusals import Refusals
from dagster_drips.delivery.routes import Route, Routes
from dagster_drips.templating.templates import RenderError, StepTemplate, TemplateCache
from dagster_drips.warehouse.port import Warehouse

BATCH = 200
"""Messages claimed at a time: what a power cut may leave in doubt."""
PATIENCE = 0.8
"""For that share of the time between ticks a run waits for rates; what would come later stays due."""
LONGEST_BETWEEN_TICKS = timedelta(hours=1)
"""More than that doesn't count: a run that waits keeps those away that landed files would start."""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One claimed message: what is due, the step's templates or why there are none, its route."""

    due: DueMessage
    template: StepTemplate | RenderError
    route: Route
    rate_key: RateKey


class MessageQueue:
    """The due messages of this tick that were neither handed out nor left yet.

    Args:
        warehouse: `open` of due_messages.sql was run on it.
        journal: where claims go.
        templates: of all sequences.
        routes: of all senders.
        refusals: asked before messages are claimed.
        is_open: whether one of these servers takes mail for that domain now.
        between_ticks: the shortest time from one tick to the next.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        journal: DeliveryJournal,
        *,
        templates: TemplateCache,
        routes: Routes,
        refusals: Refusals,
        is_open: Callable[[tuple[str, ...], str], bool],
        between_ticks: timedelta,
    ):
        self.refused = 0
        """Suppressed by now; they leave no message."""
        self.exited = 0
        """Of enrollments that have ended by now; they leave no message either."""
        self.held = 0
        """Left due because a rate would have let them go too late."""
        self.reserved_senders: dict[str, int] = {}
        """Sender at a reserved domain → how many of its messages stay due, as they would go to somebody."""
        self._warehouse = warehouse
        self._journal = journal
        self._templates = templates
        self._routes = routes
        self._rate_limiter = routes.rate_limiter
        self._refusals = refusals
        self._is_open = is_open
        self._ends_at = time.monotonic() + PATIENCE * min(between_ticks, LONGEST_BETWEEN_TICKS).total_seconds()
        self._due: Iterator[DueMessage] = read_due(warehouse)
        self._read_all = False
        self._waiting: dict[RateKey, deque[DueMessage]] = {}

    def next_batch(self) -> list[QueuedMessage]:
        """Up to `BATCH` messages that may go now, claimed; none where all that is left waits, or nothing is left.

        Raises:
            DripsError: the journal can't be written; nothing of the batch may be sent then.
        """
        now = time.monotonic()
        self._refusals.ask(now)
        if self._refusals.is_over:
            return []
        messages: list[QueuedMessage] = []
        for rate_key, waiting in list(self._waiting.items()):
            while waiting and len(messages) < BATCH and self._rate_limiter.ready_at(rate_key) <= now:
                self._add(messages, waiting.popleft(), rate_key, now)
            if not waiting:
                del self._waiting[rate_key]
        while len(messages) < BATCH and not self._read_all:
            due = next(self._due, None)
            if due is None:
                self._read_all = True
                break
            if not self._may_go(due):
                continue
            rate_key = rate_key_of(due.sender_email, due.recipient)
            if self._rate_limiter.has_rate(rate_key) and (
                rate_key in self._waiting or self._rate_limiter.ready_at(rate_key) > now
            ):
                self._wait(due, rate_key)
            else:
                self._add(messages, due, rate_key, now)
        if messages:
            self._journal.claim([_claim_of(queued.due) for queued in messages])
        return messages

    @property
    def next_at(self) -> float | None:
        """When there may be more, on `time.monotonic`; None: nothing is left, or nothing more may be claimed."""
        if self._refusals.is_over:
            return None
        if not self._read_all:
            return 0.0
        return min((self._rate_limiter.ready_at(rate_key) for rate_key in self._waiting), default=None)

    def _may_go(self, due: DueMessage) -> bool:
        """Whether its sender is one of ours, or an example's on a trial; else the message stays due and is counted."""
        sender = due.sender_email
        if self._routes.of(sender).may_reach(due.recipient):
            return True
        self.reserved_senders[sender] = self.reserved_senders.get(sender, 0) + 1
        return False

    def _add(self, messages: list[QueuedMessage], due: DueMessage, rate_key: RateKey, now: float) -> None:
        route = self._routes.of(due.sender_email)
        if due.message_id in self._refusals.suppressed:
            self.refused += 1
        elif due.message_id in self._refusals.ended:
            self.exited += 1
        elif self._is_open(route.servers, rate_key.domain):
            if self._rate_limiter.take(rate_key, now):
                messages.append(QueuedMessage(due, self._template_of(due), route, rate_key))
            else:
                self._waiting.setdefault(rate_key, deque()).appendleft(due)  # another process was faster

    def _wait(self, due: DueMessage, rate_key: RateKey) -> None:
        """A message that has to wait for its rate; one that would go too late is left to the next run."""
        waiting = self._waiting.get(rate_key, deque())
        if self._rate_limiter.turn_at(rate_key, len(waiting)) > self._ends_at:
            self.held += 1
            return
        waiting.append(due)
        self._waiting[rate_key] = waiting

    def _template_of(self, due: DueMessage) -> StepTemplate | RenderError:
        try:
            return self._templates.step(due.sequence_id, due.version_id, due.step_id, due.variant_id)
        except RenderError as error:
            return error


def _claim_of(due: DueMessage) -> Claim:
    return Claim(
        due.message_id,
        due.attempt,
        due.as_of,
        due.enrollment_id,
        due.sequence_id,
        due.version_id,
        due.step_id,
        due.variant_id,
        due.lead_id,
        due.sender_email,
        due.recipient,
        due.scheduled_at,
        due.transactional,
    )
