"""How fast mail may go: rates and numbers of connections, of a sender and of a recipient's domain.

Only arithmetic on clocks that others read. The limits stand in `sequences/senders.yml`; how many messages a sender
may send a day while it warms up, or a tick, is decided in dbt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dagster_drips.addresses import address_of


@dataclass(frozen=True)
class Limit:
    """What one sender, or one domain, may take: messages a second, and at once. None: no limit."""

    rate: float | None = None
    connections: int | None = None


@dataclass(frozen=True)
class RateKey:
    """Whose limits a message falls under."""

    sender: str
    domain: str


def rate_key_of(sender_email: str, recipient: str) -> RateKey:
    """Whose limits a message from that sender to that address falls under."""
    return RateKey(address_of(sender_email), recipient.strip().rpartition("@")[2].lower())


class RateLimiter:
    """Keeps to the limits; messages of a limited key are spread evenly over time, none saved up.

    Args:
        senders: limits by address (lower case).
        domains: limits by recipient domain (lower case).
    """

    def __init__(self, senders: Mapping[str, Limit], domains: Mapping[str, Limit]):
        self._limits = {("sender", name): limit for name, limit in senders.items()}
        self._limits |= {("domain", name): limit for name, limit in domains.items()}
        self._next: dict[tuple[str, str], float] = {}
        self._busy: Counter[tuple[str, str]] = Counter()

    def has_rate(self, rate_key: RateKey) -> bool:
        """Whether messages of that key may have to wait for their time."""
        return any(limit.rate for _, limit in self._of(rate_key))

    def ready_at(self, rate_key: RateKey) -> float:
        """When the key's next message may go, on the clock that `take` is given; 0 or the past: now."""
        return max((self._next.get(key, 0.0) for key, limit in self._of(rate_key) if limit.rate), default=0.0)

    def turn_at(self, rate_key: RateKey, ahead: int) -> float:
        """When a message may go that has `ahead` others of its key before it."""
        slowest = min((limit.rate for _, limit in self._of(rate_key) if limit.rate), default=None)
        return self.ready_at(rate_key) + (ahead / slowest if slowest else 0.0)

    def take(self, rate_key: RateKey, now: float) -> bool:
        """A message of that key goes now; False: it may not, as another process has taken the turn."""
        for key, limit in self._of(rate_key):
            if limit.rate:
                self._next[key] = max(now, self._next.get(key, 0.0)) + 1 / limit.rate
        return True

    def has_room(self, rate_key: RateKey) -> bool:
        """Whether one more message of that key may be on its way."""
        return all(
            limit.connections is None or self._busy[key] < limit.connections for key, limit in self._of(rate_key)
        )

    def begin(self, rate_key: RateKey) -> None:
        """A message of that key is on its way."""
        for key, limit in self._of(rate_key):
            if limit.connections is not None:
                self._busy[key] += 1

    def end(self, rate_key: RateKey) -> None:
        """A message of that key has its outcome, or goes back."""
        for key, limit in self._of(rate_key):
            if limit.connections is not None:
                self._busy[key] -= 1

    def _of(self, rate_key: RateKey) -> list[tuple[tuple[str, str], Limit]]:
        if not self._limits:
            return []
        keys = (("sender", rate_key.sender), ("domain", rate_key.domain))
        return [(key, self._limits[key]) for key in keys if key in self._limits]
