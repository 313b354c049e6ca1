"""The IANA time zones as the pinned `tzdata` package has them.

The operating system's own copy is not asked: the same files must give the same decisions on any machine (T3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from zoneinfo import ZoneInfo

_NO_TWO_CHANGES = timedelta(days=7)
_NO_END = datetime.max.replace(hour=0, minute=0, second=0, microsecond=0)


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


@dataclass(frozen=True)
class OffsetSpell:
    """A zone's offset from UTC in seconds, `since` an instant and before `until` (naive UTC)."""

    timezone: str
    since: datetime
    until: datetime
    utc_offset_seconds: int


def tzdata_version() -> str:
    """Which release of the zones this is: `2025.2`."""
    return version("tzdata")


@cache
def offset_spells(start: datetime, end: datetime) -> tuple[OffsetSpell, ...]:
    """Each zone's offsets from an instant to another (0.2 s for three years); no clock changes twice within a week.

    The last one of a zone has no end that is known, and ends with the calendar.
    """
    return tuple(spell for name, zone in zones().items() for spell in _spells(name, zone, start, end))


def _spells(name: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[OffsetSpell]:
    spells = []
    since, offset = start, _offset(zone, start)
    before = start
    while before < end:
        after = before + _NO_TWO_CHANGES
        if (other := _offset(zone, after)) != offset:
            change = _change(zone, before, after)
            spells.append(OffsetSpell(name, since, change, offset))
            since, offset = change, other
        before = after
    return [*spells, OffsetSpell(name, since, _NO_END, offset)]


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second from which on a zone has the offset of `after`."""
    offset = _offset(zone, before)
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    return after


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    return _seconds(instant.replace(tzinfo=UTC).astimezone(zone))


def _seconds(local: datetime) -> int:
    offset = local.utcoffset()
    return round(offset.total_seconds()) if offset else 0
