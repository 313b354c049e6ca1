"""Cron expressions: whether one is right, and how far apart the times are that it names.

Here belongs only what ticks need to know of their own schedule; Dagster is what runs by it. Taken are the five fields
of crontab(5) with names, lists, ranges and steps, and `@hourly` to `@yearly`; what else Dagster knows (`L`, `#`) isn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)
# Nine years hold two leap days, so every schedule has two of its times there.
_FIRST_DAY, _NUMBER_OF_DAYS = date(2023, 1, 1), 9 * 366
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True)
class Cron:
    """A cron expression that names at least one time.

    Args:
        text: as it was written.
        minutes: of the hour.
        hours: of the day.
        days: of the month.
        months: of the year.
        weekdays: from 0, which is Sunday.
        any_day: whether a day fits that is of `days` or of `weekdays`, as both are restricted; else it is of both.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """The expression of that text.

        Raises:
            ValueError: it is none, or no time is ever named by it.
        """
        fields = _NICKNAMES.get(text.strip().lower(), text).lower().split()
        if len(fields) != 5:
            raise ValueError("not a cron expression; write five fields, such as */5 * * * *")
        minutes, hours, days, months = (
            _numbers(field, low, high, names)
            for field, low, high, names in zip(
                fields, (0, 0, 1, 1), (59, 23, 31, 12), ((), (), (), _MONTHS), strict=False
            )
        )
        weekdays = frozenset(day % 7 for day in _numbers(fields[4], 0, 7, _DAYS))
        any_day = not any("*" in field.split(",") for field in (fields[2], fields[4]))
        found = cls(text.strip(), minutes, hours, days, months, weekdays, any_day)
        if not found._gaps:
            raise ValueError(f"'{found.text}' names no time that ever comes")
        return found

    @property
    def shortest(self) -> timedelta:
        """From one time to the next where they are nearest to each other."""
        return timedelta(minutes=min(self._gaps))

    @property
    def longest(self) -> timedelta:
        """The same where they are farthest apart."""
        return timedelta(minutes=max(self._gaps))

    @cached_property
    def _gaps(self) -> frozenset[int]:
        """Minutes from each time to the next."""
        times = sorted(60 * hour + minute for hour in self.hours for minute in self.minutes)
        inside = {later - earlier for earlier, later in pairwise(times)}
        nights = {
            (next_day - day) * _MINUTES_A_DAY + times[0] - times[-1] for day, next_day in pairwise(self._days_named())
        }
        return frozenset(inside | nights) if nights else frozenset()

    def _days_named(self) -> Iterator[int]:
        for number in range(_NUMBER_OF_DAYS):
            day = _FIRST_DAY + timedelta(days=number)
            of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
            if day.month in self.months and ((of_month or of_week) if self.any_day else (of_month and of_week)):
                yield number


def _numbers(field: str, low: int, high: int, names: Sequence[str]) -> frozenset[int]:
    """What a field names: `*`, `5`, `1-5`, `mon-fri`, `*/10`, `3/15`, and lists of these."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"not a cron expression: '{part}' is no number, range or step")
        first, last, step = match.groups()
        begin = low if first is None else _number(first, low, names)
        if first is None or (last is None and step is not None):
            end = high
        else:
            end = begin if last is None else _number(last, low, names)
        every = 1 if step is None else int(step)
        if not (low <= min(begin, end) and max(begin, end) <= high and every > 0):
            raise ValueError(f"not a cron expression: '{part}' is not within {low} to {high}")
        # `fri-mon` goes on from the beginning.
        numbers = [*range(begin, end + 1)] if begin <= end else [*range(begin, high + 1), *range(low, end + 1)]
        found.update(numbers[::every])
    return frozenset(found)


def _number(text: str, low: int, names: Sequence[str]) -> int:
    if text in names:
        return names.index(text) + low
    if not text.isdecimal():
        raise ValueError(f"not a cron expression: '{text}' is no number")
    return int(text)
