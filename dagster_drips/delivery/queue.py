"""What is due, handed out in claimed batches: read in rank order, suppressions asked again, rates kept to.

Here a due row becomes a claimed `Item`, or is left: for good where its lead is suppressed by now (L3), for another run
where its way is closed or its turn too far ahead. Sending items is `crew`'s. What is read ahead is a few thousand rows,
however many are due.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from dagster_drips.addresses import address_of
from dagster_drips.delivery.delivery_journal import Claim, DeliveryJournal
from dagster_drips.delivery.lead_fields import LeadReader
from dagster_drips.delivery.rate_limits import Lane
from dagster_drips.delivery.routes import Route, Routes
from dagster_drips.templating.templates import RenderError, StepTemplate, TemplateCache
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

BATCH = 200
"""Messages claimed at a time: what a power cut may leave in doubt."""
PATIENCE = 0.8
"""For that share of the time between ticks a run waits for rates; what would come later stays due."""
LONGEST_BETWEEN_TICKS = timedelta(hours=1)
"""More than that doesn't count: a run that waits keeps those away that landed files would start."""

_CHUNK = 2_000
# Where templates take leads as a whole, there may be thousands of values a row.
_VALUES_A_CHUNK = 400_000
# Suppressions are asked again after so many seconds, and never for more than that share of the time.
_BETWEEN_REFRESHES = 1.0
_ASKING_SHARE = 0.1
_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))
_CLAIM_COLUMNS = tuple(name for name in Claim.__struct_fields__ if name != "sender")


@dataclass(frozen=True, slots=True)
class Item:
    """One claimed message: its due row with `lead` and `event`, the step's templates or why there are none, its way."""

    due: Mapping[str, Any]
    template: StepTemplate | RenderError
    route: Route
    lane: Lane


class Backlog:
    """The due messages of this tick that were neither handed out nor left yet.

    Args:
        warehouse: `open` of due_messages.sql was run on it.
        journal: where claims go.
        templates: of all sequences.
        routes: of all senders.
        refresh: called before suppressions are asked, at most once a second.
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
        refresh: Callable[[], object] | None,
        is_open: Callable[[tuple[str, ...], str], bool],
        between_ticks: timedelta,
    ):
        self.refused = 0
        """Suppressed by now; they leave no message."""
        self.held = 0
        """Left due because a rate would have let them go too late."""
        self.reserved_senders: dict[str, int] = {}
        """Sender at a reserved domain → how many of its messages stay due, as they would go to somebody."""
        self._warehouse = warehouse
        self._journal = journal
        self._templates = templates
        self._routes = routes
        self._pace = routes.pace
        self._refresh = refresh
        self._is_open = is_open
        self._ends_at = time.monotonic() + PATIENCE * min(between_ticks, LONGEST_BETWEEN_TICKS).total_seconds()
        self._rows: Iterator[dict[str, Any]] = self._due_rows()
        self._read_all = False
        self._waiting: dict[Lane, deque[dict[str, Any]]] = {}
        self._suppressed: frozenset[str] = frozenset()
        self._asked_at: float | None = None
        self._asking_took = 0.0

    def next_batch(self) -> list[Item]:
        """Up to `BATCH` messages that may go now, claimed; none where all that is left waits, or nothing is left.

        Raises:
            DripsError: the journal can't be written; nothing of the batch may be sent then.
        """
        now = time.monotonic()
        self._ask_suppressions(now)
        items: list[Item] = []
        for lane, rows in list(self._waiting.items()):
            while rows and len(items) < BATCH and self._pace.ready_at(lane) <= now:
                self._add(items, rows.popleft(), lane, now)
            if not rows:
                del self._waiting[lane]
        while len(items) < BATCH and not self._read_all:
            row = next(self._rows, None)
            if row is None:
                self._read_all = True
                break
            if not self._may_go(row):
                continue
            lane = Lane(address_of(row["sender_email"]), row["recipient"].strip().rpartition("@")[2].lower())
            if self._pace.has_rate(lane) and (lane in self._waiting or self._pace.ready_at(lane) > now):
                self._wait(row, lane)
            else:
                self._add(items, row, lane, now)
        if items:
            self._journal.claim([_claim_of(item.due) for item in items])
        return items

    @property
    def next_at(self) -> float | None:
        """When there may be more, on `time.monotonic`; None: nothing is left."""
        if not self._read_all:
            return 0.0
        return min((self._pace.ready_at(lane) for lane in self._waiting), default=None)

    def _may_go(self, row: Mapping[str, Any]) -> bool:
        """Whether its sender is one of ours, or an example's on a trial; else the row stays due and is counted."""
        sender = row["sender_email"]
        if self._routes.of(sender).may_reach(row["recipient"]):
            return True
        self.reserved_senders[sender] = self.reserved_senders.get(sender, 0) + 1
        return False

    def _add(self, items: list[Item], row: dict[str, Any], lane: Lane, now: float) -> None:
        route = self._routes.of(row["sender_email"])
        if row["message_id"] in self._suppressed:
            self.refused += 1
        elif self._is_open(route.servers, lane.domain):
            self._pace.take(lane, now)
            items.append(Item(row, self._template_of(row), route, lane))

    def _wait(self, row: dict[str, Any], lane: Lane) -> None:
        """A row of a lane whose next turn is to come; turns that come too late are left to the next run."""
        rows = self._waiting.get(lane, deque())
        if self._pace.turn_at(lane, len(rows)) > self._ends_at:
            self.held += 1
            return
        rows.append(row)
        self._waiting[lane] = rows

    def _due_rows(self) -> Iterator[dict[str, Any]]:
        reader = LeadReader(self._warehouse)
        size = min(_CHUNK, max(1, _VALUES_A_CHUNK // len(reader.columns)))
        after = -1
        while (upto := self._warehouse.value(_STATEMENTS["last_rank"], [after, size])) is not None:
            rows = self._warehouse.rows(_STATEMENTS["chunk"], {"after": after, "upto": upto})
            leads = reader.read(row["lead_id"] for row in rows)
            for row in rows:
                row["lead"] = leads[row["lead_id"]]
                yield row
            after = upto

    def _ask_suppressions(self, now: float) -> None:
        pause = max(_BETWEEN_REFRESHES, self._asking_took * (1 / _ASKING_SHARE - 1))
        if self._asked_at is not None and now - self._asked_at < pause:
            return
        if self._refresh:
            self._refresh()
        self._suppressed = frozenset(row["message_id"] for row in self._warehouse.rows(_STATEMENTS["refused"]))
        self._asked_at = time.monotonic()
        self._asking_took = self._asked_at - now

    def _template_of(self, due: Mapping[str, Any]) -> StepTemplate | RenderError:
        try:
            return self._templates.step(due["sequence_id"], due["version_id"], due["step_id"], due["variant_id"])
        except RenderError as error:
            return error


def _claim_of(due: Mapping[str, Any]) -> Claim:
    return Claim(sender=due["sender_email"], **{name: due[name] for name in _CLAIM_COLUMNS})
