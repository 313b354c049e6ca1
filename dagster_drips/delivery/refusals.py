"""Whom the sending must leave out by now: suppressed (L3), or with an enrollment that has ended (L1), asked as it goes.

Here belongs asking the warehouse again, and how often: what the SQL says is the models' `refused_steps` and
`exited_steps`. A shard, which has no warehouse, reads what another process asked (`shared_refusals`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

# Suppressions and exits are asked again after so many seconds, and never for more than that share of the time.
_BETWEEN_REFRESHES = 1.0
_ASKING_SHARE = 0.1
# Exits, which the engine plans for longer than it asks them: only where a file has landed, and less often.
_BETWEEN_EXITS = 3.0
_EXITS_SHARE = 0.05
_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))


class Refusals(Protocol):
    """What a queue asks before it claims."""

    @property
    def suppressed(self) -> frozenset[str]:
        """Messages to addresses that are suppressed by now (L3)."""
        ...

    @property
    def ended(self) -> frozenset[str]:
        """Messages of enrollments that have ended by now (L1)."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether nobody asks any more, so that nothing more may be claimed."""
        ...

    def ask(self, now: float) -> None:
        """Bring both up to date where the time has come; `now` is `time.monotonic`'s."""
        ...


class AskedRefusals:
    """Refusals of the warehouse that this process has open.

    Args:
        warehouse: with the due steps of this tick.
        refresh: called before suppressions and exits are asked, at most once a second.
    """

    is_over = False

    def __init__(self, warehouse: Warehouse, refresh: Callable[[], object] | None):
        self.suppressed: frozenset[str] = frozenset()
        self.ended: frozenset[str] = frozenset()
        self._warehouse = warehouse
        self._refresh = refresh
        self._asked_at: float | None = None
        self._asking_took = 0.0
        self._last_load: int | None = None
        self._exits_asked_at: float | None = None
        self._exits_took = 0.0

    def ask(self, now: float) -> None:
        """Ask where the last time is long enough ago."""
        pause = max(_BETWEEN_REFRESHES, self._asking_took * (1 / _ASKING_SHARE - 1))
        if self._asked_at is not None and now - self._asked_at < pause:
            return
        if self._refresh:
            self._refresh()
        self.suppressed = self._message_ids("refused")
        self._ask_exits()
        self._asked_at = time.monotonic()
        self._asking_took = self._asked_at - now

    def _ask_exits(self) -> None:
        began = time.monotonic()
        last_load = self._warehouse.value(_STATEMENTS["last_load"])
        if self._exits_asked_at is not None:
            pause = max(_BETWEEN_EXITS, self._exits_took * (1 / _EXITS_SHARE - 1))
            if last_load == self._last_load or began - self._exits_asked_at < pause:
                return
        self.ended = self._message_ids("exited")
        self._last_load = last_load
        self._exits_asked_at = time.monotonic()
        self._exits_took = self._exits_asked_at - began

    def _message_ids(self, statement: str) -> frozenset[str]:
        return frozenset(row["message_id"] for row in self._warehouse.rows(_STATEMENTS[statement]))
