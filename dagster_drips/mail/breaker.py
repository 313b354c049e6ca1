"""When a mail server is given up for the rest of a run: it does not take us, or fails us again and again.

What a single refusal means is `outcome`'s matter. A server that is given up is stood in for by the next of a route.
"""

from __future__ import annotations

from dagster_drips.mail.outcome import Outcome

LOSSES_IN_A_ROW = 3
"""Connections lost without a message sent in between, after which a server gets no more."""
REFUSALS_IN_A_ROW = 10
"""Refusals that may be the server's doing, without a message sent in between, after which it gets no more."""
BOUNCES_IN_A_ROW = 50
"""Readers that don't exist, without a message sent in between, after which something must be wrong with the list."""


class CircuitBreaker:
    """Counts what one server does to us.

    Args:
        address: how people know it.
    """

    def __init__(self, address: str):
        self.stopped: str | None = None
        """Why it gets no more; None while it does."""
        self._where = f"the mail server {address}"
        self._losses = self._refusals = self._bounces = 0

    def judge(self, outcome: Outcome) -> None:
        """Take the next outcome into account."""
        if outcome.outcome == "sent":
            self._losses = self._refusals = self._bounces = 0
        elif outcome.lost_connection:
            self._losses += 1
        elif outcome.blames_server:
            self._refusals += 1
        elif outcome.outcome == "bounced":
            self._bounces += 1
        if outcome.not_allowed_in:
            self.stop(f"{self._where} takes no mail from us: {outcome.smtp_code} {outcome.detail}")
        elif self._losses >= LOSSES_IN_A_ROW:
            self.stop(f"{self._where} dropped us {LOSSES_IN_A_ROW} times in a row: {outcome.detail}")
        elif self._refusals >= REFUSALS_IN_A_ROW or self._bounces >= BOUNCES_IN_A_ROW:
            count = max(self._refusals, self._bounces)
            words = f"{outcome.smtp_code} {outcome.detail}"
            self.stop(f"{self._where} refused {count} messages in a row, the last with: {words}")

    def stop(self, reason: str) -> None:
        """Give it up; the first reason stays."""
        self.stopped = self.stopped or reason
