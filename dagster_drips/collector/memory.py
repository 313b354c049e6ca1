"""How much memory the requests of one process may take together, and which connection is closed beyond that.

Everything that waits for a client or for the disk is charged here before it is kept: heads, bodies, requests that stand
behind others of their connection, answers that are not fetched. What is charged is an estimate, made high on purpose.
When no more fits, the connection that has kept the collector waiting longest makes room; where none waits, whoever asks
is answered 503. How connections do so is in `connection`; rows that wait for the disk are bounded in `landing.writer`.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from dagster_drips.collector.metrics import Metrics
from dagster_drips.landing.writer.writer import LandingUnavailable

MAX_BYTES = 64 * 1024 * 1024
"""All requests in hand."""
MAX_CONNECTIONS = 10_000
"""Open connections, whether they ask something or not."""


class Waiting(Protocol):
    """A connection that waits for its client."""

    def make_room(self) -> None:
        """End, and give back at once all that is charged."""


class MemoryBudget:
    """The budget of one process; for one event loop.

    Args:
        metrics: counts what is refused.
        max_bytes: that may be charged at a time.
        max_connections: that may be open at a time.
    """

    def __init__(self, metrics: Metrics, *, max_bytes: int = MAX_BYTES, max_connections: int = MAX_CONNECTIONS) -> None:
        self.max_connections = max_connections
        self.used = 0
        """Bytes charged."""
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._idle: dict[Waiting, None] = {}
        self._holding: dict[Waiting, None] = {}

    def take(self, size: int) -> bool:
        """Charge bytes; False: there is no room, and none can be made."""
        while self.used + size > self._max_bytes:
            if not self._drop_oldest(self._holding):
                return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """What was taken is free again."""
        self.used -= size

    @contextmanager
    def held(self, size: int) -> Generator[None]:
        """Charge bytes for as long as the block runs.

        Raises:
            LandingUnavailable: there is no room; answer 503.
        """
        if not self.take(size):
            self.refused("full")
            raise LandingUnavailable("the collector has too much in hand")
        try:
            yield
        finally:
            self.give(size)

    def wait(self, connection: Waiting, *, holds: bool) -> None:
        """A connection waits for its client from now on, or still does; `holds` where memory is charged to it."""
        if holds:
            self._idle.pop(connection, None)
            self._holding.setdefault(connection)
        elif connection not in self._holding:
            self._idle.setdefault(connection)

    def proceed(self, connection: Waiting) -> None:
        """It waits for its client no more."""
        self._idle.pop(connection, None)
        self._holding.pop(connection, None)

    def drop_a_connection(self) -> bool:
        """Let the connection go that has waited longest; False: none waits for its client."""
        return self._drop_oldest(self._idle) or self._drop_oldest(self._holding)

    def refused(self, reason: str) -> None:
        """Count a refusal."""
        self._metrics.refused_connections[reason].inc()

    def _drop_oldest(self, waiting: dict[Waiting, None]) -> bool:
        oldest = next(iter(waiting), None)
        if oldest is None:
            return False
        del waiting[oldest]
        self.refused("made_room")
        oldest.make_room()
        return True
