"""Whom a shard must leave out by now, as the process that holds the warehouse says it in the batch's folder.

Both sides are here: `attend` says it, `SharedRefusals` reads it. What is asked is `refusals`'.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from dagster_drips.delivery.batch import Batch
from dagster_drips.delivery.refusals import AskedRefusals
from dagster_drips.errors import DripsError

UNATTENDED = "nobody says any more who must not get mail; what is left stays due"

_LOOK_SECONDS = 0.1
_BETWEEN_LOOKS = 1.0


def attend(batch: Batch, refusals: AskedRefusals, is_over: Callable[[], bool]) -> None:
    """Say who must not get mail any more, about once a second, until it is over; shards may claim as long as that.

    Args:
        batch: to be attended by this process already.
        refusals: of the project's warehouse.
        is_over: asked several times a second.
    """
    said: tuple[frozenset[str], frozenset[str]] | None = None
    while True:
        refusals.ask(time.monotonic())
        found = (refusals.suppressed, refusals.ended)
        if found != said:
            batch.refuse(*found)
            said = found
        if is_over():
            return
        time.sleep(_LOOK_SECONDS)


class SharedRefusals:
    """Refusals that another process asks.

    Args:
        batch: that it attends to.
        patience: seconds to wait for its first word.
    """

    def __init__(self, batch: Batch, patience: float):
        self.suppressed: frozenset[str] = frozenset()
        self.ended: frozenset[str] = frozenset()
        self._batch = batch
        self._patience = patience
        self._version: tuple[int, int] | None = None
        self._looked_at = 0.0
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether that process has gone; looked for once a second."""
        if time.monotonic() - self._looked_at >= _BETWEEN_LOOKS:
            self._look()
        return self._is_over

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        self._is_over = self._is_over or not (self._batch.is_attended and self._batch.stands)

    def wait(self) -> None:
        """Wait for the first word.

        Raises:
            DripsError: there is none.
        """
        deadline = time.monotonic() + self._patience
        while self._batch.refused() is None or not self._batch.is_attended:
            if time.monotonic() >= deadline or not self._batch.stands:
                raise DripsError(UNATTENDED)
            time.sleep(_LOOK_SECONDS)

    def ask(self, now: float) -> None:
        """Read what was said last; nothing may be claimed where nobody is there to say it."""
        version = self._batch.refused_version
        if version != self._version:
            refused = self._batch.refused()
            if refused is None:
                self._is_over = True
                return
            self.suppressed, self.ended = frozenset(refused.suppressed), frozenset(refused.ended)
            self._version = version
        # Not before it was read: what a process says that has gone since is as good as its last word.
        self._look()
