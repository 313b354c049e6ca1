"""Instants and durations as text and back.

All times inside the project are naive UTC `datetime`s cut to what the source gave. Nothing here reads a file or decides
anything; the wall clock is read in `utc_now` alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from dagster_drips.errors import DripsError

_DURATION = re.compile(r"(\d+)\s*(d|h|m|s)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def utc_now() -> datetime:
    """The wall clock as naive UTC, cut to whole seconds (rule T1)."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant as naive UTC; an offset is converted, none means UTC.

    Raises:
        DripsError: it isn't one.
    """
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise DripsError(f"not an instant: {text!r}; write it like 2026-03-29T01:00:00Z") from error
    try:
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError as error:
        raise DripsError(f"not an instant that can be reckoned with: {text!r}") from error


def parse_duration(text: str) -> timedelta:
    """A span such as `1h`, `90m`, `1d12h` or `30s`, longer than nothing.

    Raises:
        DripsError: it isn't one.
    """
    compact = text.strip().lower().replace(" ", "")
    parts = _DURATION.findall(compact)
    try:
        span = timedelta(**_summed(parts))
    except OverflowError as error:
        raise DripsError(f"too long a duration: {text!r}") from error
    if "".join(number + unit for number, unit in parts) != compact or not span:
        raise DripsError(f"not a duration: {text!r}; write it like 1h, 15m or 1d12h")
    return span


def _summed(parts: list[tuple[str, str]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for number, unit in parts:
        totals[_UNITS[unit]] = totals.get(_UNITS[unit], 0) + int(number)
    return totals


def format_instant(value: datetime) -> str:
    """The contract's spelling of a time: `2026-03-29T01:00:00Z`, with a fraction only where there is one."""
    return value.isoformat(timespec="microseconds" if value.microsecond else "seconds") + "Z"


def format_time(value: datetime) -> str:
    """An instant as landed rows have it, with milliseconds: `2026-03-29T01:00:00.000Z`; a naive one is UTC already."""
    utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return utc.isoformat(timespec="milliseconds") + "Z"
