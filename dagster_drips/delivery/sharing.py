"""Into how many shards, which is whose, and how connections are dealt out among them: arithmetic and nothing else.

Apart, as a tick with little to send asks it and needs no more of `shards`.
"""

from __future__ import annotations

from hashlib import md5

from dagster_drips.settings import Settings

LEAST_MESSAGES = 1_000
"""For fewer a shard it takes longer to start a process than to send."""


def shards_for(settings: Settings, messages: int) -> int:
    """Into how many shards it is worth to split so many messages; 1: not at all."""
    # Each has a connection of its own, at least.
    return max(1, min(settings.send_shards, settings.smtp_connections, messages // LEAST_MESSAGES))


def shard_of(address: str, shards: int) -> int:
    """The shard of an address, as suppressions compare it (L3): `bucket('shard:' || address)` (E7) of so many."""
    drawn = int(md5(f"shard:{address}".encode(), usedforsecurity=False).hexdigest()[:8], 16)
    return drawn * shards >> 32


def dealt(count: int, shard: int, shards: int) -> int:
    """A shard's part of so many connections; together the parts are no more than these, and each has one where there
    are enough."""
    return count // shards + (shard < count % shards)
