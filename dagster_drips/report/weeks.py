"""Weeks from Monday to Sunday (ISO 8601), by UTC days as the marts have them, and when a week's report is due."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dagster_drips.errors import DripsError
from dagster_drips.sequences.fields import WEEKDAYS
from dagster_drips.sequences.notices import Report

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


@dataclass(frozen=True)
class Week:
    """A week by its Monday."""

    monday: date

    @classmethod
    def parse(cls, text: str) -> Week:
        """A week written like `2026-W48`.

        Raises:
            DripsError: it is none.
        """
        found = _WEEK.fullmatch(text.strip())
        try:
            return cls(date.fromisocalendar(int(found[1]), int(found[2]), 1)) if found else _no_week(text)
        except ValueError:
            return _no_week(text)

    @classmethod
    def before(cls, instant: datetime) -> Week:
        """The last one that was over at an instant in naive UTC."""
        today = instant.date()
        return cls(today - timedelta(days=today.weekday() + 7))

    def __str__(self) -> str:
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02}"

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=6)

    @property
    def end(self) -> datetime:
        """The instant at which it is over, in naive UTC."""
        return datetime.combine(self.monday + timedelta(days=7), time())


def _no_week(text: str) -> Week:
    raise DripsError(f"not a week: {text!r}; write it like 2026-W48")


def is_time(report: Report, timezone: str, now: datetime) -> bool:
    """Whether the day and hour of this week's report have come in that zone; `now` is naive UTC."""
    local = now.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    return (local.weekday(), local.hour) >= (WEEKDAYS.index(report.day), report.hour)
