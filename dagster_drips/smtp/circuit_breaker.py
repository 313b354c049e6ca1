"""When a mail server is given up for the rest of a run: it takes no mail from us, or fails again and again.

A domain behind it is given up by itself where it, and not the server, refuses us: a relay takes the others' mail all
the same. What a single refusal means is decided in `outcomes`. The next server of a route takes the place of one that
is given up.
"""

from __future__ import annotations

from collections import Counter

from dagster_drips.smtp.outcomes import Outcome

LOSSES_IN_A_ROW = 3
"""Connections lost without a message sent in between, after which a server gets no more."""
REFUSALS_IN_A_ROW = 10
"""Refusals that may be the server's or our doing, without a message sent in between, after which it gets no more; of
one domain's recipients, after which it gets no more for that domain."""
BOUNCES_IN_A_ROW = 50
"""Readers that don't exist, without a message sent in between, after which something must be wrong with the list."""

_DOMAINS_REPORTED = 3


class CircuitBreaker:
    """Counts one server's failures and refusals.

    Args:
        address: how people know it.
    """

    def __init__(self, address: str):
        self.stopped: str | None = None
        """Why it gets no more; None while it does."""
        self.address = address
        self._where = f"the mail server {address}"
        self._losses = self._refusals = self._bounces = 0
        self._refused_domains: Counter[str] = Counter()
        self._stopped_domains: dict[str, str] = {}

    def judge(self, outcome: Outcome, domain: str = "") -> None:
        """Take the next outcome into account, of a message to that domain."""
        if outcome.outcome == "sent":
            self._losses = self._refusals = self._bounces = 0
            self._refused_domains.pop(domain, None)
        elif outcome.lost_connection:
            self._losses += 1
        elif outcome.blames_server:
            self._refusals += 1
            self._refused_domains[domain] += 1
        elif outcome.outcome == "bounced":
            self._bounces += 1
        words = f"{outcome.smtp_code} {outcome.detail}"
        if outcome.not_allowed_in:
            self.stop(f"{self._where} takes no mail from us: {words}")
        elif self._losses >= LOSSES_IN_A_ROW:
            self.stop(f"{self._where} dropped us {LOSSES_IN_A_ROW} times in a row: {outcome.detail}")
        elif self._refusals >= REFUSALS_IN_A_ROW or self._bounces >= BOUNCES_IN_A_ROW:
            count = max(self._refusals, self._bounces)
            self.stop(f"{self._where} refused {count} messages in a row, the last with: {words}")
        elif self._refused_domains[domain] >= REFUSALS_IN_A_ROW:
            reason = f"refused {REFUSALS_IN_A_ROW} messages to {domain} in a row, the last with: {words}"
            self._stopped_domains.setdefault(domain, f"{self._where} {reason}")

    def dropped(self, reason: str) -> None:
        """A connection ended before anything was sent on it."""
        self._losses += 1
        if self._losses >= LOSSES_IN_A_ROW:
            self.stop(f"{self._where} dropped us {LOSSES_IN_A_ROW} times in a row: {reason}")

    def stop(self, reason: str) -> None:
        """Give it up; the first reason stays."""
        self.stopped = self.stopped or reason

    def takes(self, domain: str) -> bool:
        """Whether it gets mail for that domain."""
        return self.stopped is None and domain not in self._stopped_domains

    @property
    def reasons(self) -> list[str]:
        """Why it gets no more, or no more for some domains; empty while it gets everything."""
        if self.stopped:
            return [self.stopped]
        reasons = list(self._stopped_domains.values())
        more = len(reasons) - _DOMAINS_REPORTED
        return reasons[:_DOMAINS_REPORTED] + ([f"and the same for {more} more domains"] if more > 0 else [])
