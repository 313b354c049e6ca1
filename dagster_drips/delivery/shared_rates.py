"""Limits of senders and domains that several processes keep to together.

A rate is kept message by message in one file, under a lock: when the next one may go, whoever sends it. Numbers of
connections are dealt out (`sharing.dealt`), as a count that processes share is wrong once one of them is killed.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from dagster_drips.delivery.batch import Facts
from dagster_drips.delivery.rate_limits import Limit, RateKey, RateLimiter
from dagster_drips.delivery.shards import name_of
from dagster_drips.delivery.sharing import dealt

_TIME = struct.Struct("<d")


class SharedRateLimiter(RateLimiter):
    """What one shard may send of limited senders and domains.

    Args:
        senders: limits by address (lower case), of all shards together.
        domains: limits by recipient domain, likewise.
        facts: of the batch.
        shard: which.
        file: that the shards share; one that was just made has no times yet.
    """

    def __init__(
        self, senders: Mapping[str, Limit], domains: Mapping[str, Limit], *, facts: Facts, shard: int, file: Path
    ):
        super().__init__(_of_shard(senders, shard, facts.shards), _of_shard(domains, shard, facts.shards))
        self._descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        # All shards know the same names.
        self._places = {key: place * _TIME.size for place, key in enumerate(sorted(self._limits))}
        self._parts = {key: facts.parts[name][shard] for key in self._limits if (name := name_of(*key)) in facts.parts}
        # Machines share the time of day, and nothing else.
        self._ahead = time.time() - time.monotonic()

    def ready_at(self, rate_key: RateKey) -> float:
        """When the key's next message may go, whichever shard's it is."""
        return max((self._next_of(key) for key, limit in self._of(rate_key) if limit.rate), default=0.0)

    def turn_at(self, rate_key: RateKey, ahead: int) -> float:
        """When a message may go that has `ahead` others of its key before it in this shard: others take turns, too."""
        rates = [limit.rate * self._parts.get(key, 1.0) for key, limit in self._of(rate_key) if limit.rate]
        return self.ready_at(rate_key) + (ahead / min(rates) if rates and min(rates) else 0.0)

    def take(self, rate_key: RateKey, now: float) -> bool:
        """A message of that key goes now; False: another shard has taken the turn."""
        limited = [(key, limit.rate) for key, limit in self._of(rate_key) if limit.rate]
        if not limited:
            return True
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            following = [(key, self._next_of(key), rate) for key, rate in limited]
            if any(at > now for _, at, _ in following):
                return False
            for key, at, rate in following:
                os.pwrite(self._descriptor, _TIME.pack(max(now, at) + 1 / rate + self._ahead), self._places[key])
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True

    def _next_of(self, key: tuple[str, str]) -> float:
        read = os.pread(self._descriptor, _TIME.size, self._places[key])
        at = _TIME.unpack(read)[0] if len(read) == _TIME.size else 0.0
        return at - self._ahead if at else 0.0


def _of_shard(limits: Mapping[str, Limit], shard: int, shards: int) -> dict[str, Limit]:
    return {name: Limit(limit.rate, _connections(limit.connections, shard, shards)) for name, limit in limits.items()}


def _connections(count: int | None, shard: int, shards: int) -> int | None:
    # Of a name with fewer than there are shards, those without one have no messages either (`shards.split`).
    return None if count is None else dealt(count, shard, min(shards, count)) if shard < count else 0
