"""The IANA time zones as the pinned `tzdata` package has them.

The operating system's own copy is not asked: the same files must give the same decisions on any machine (T3).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@cache
def zone_names() -> frozenset[str]:
    """The exact names of all zones (M5)."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


@cache
def zones() -> dict[str, ZoneInfo]:
    """All zones by their exact names."""
    package = files("tzdata")
    loaded = {}
    for name in sorted(zone_names()):
        with package.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            loaded[name] = ZoneInfo.from_file(file, key=name)
    return loaded


def utc_offsets(instant: datetime) -> dict[str, int]:
    """Each zone's offset from UTC in seconds at that instant (naive UTC)."""
    aware = instant.replace(tzinfo=UTC)
    return {name: _seconds(aware.astimezone(zone)) for name, zone in zones().items()}


def _seconds(local: datetime) -> int:
    offset = local.utcoffset()
    return round(offset.total_seconds()) if offset else 0
