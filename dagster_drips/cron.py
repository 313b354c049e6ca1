"""Cron expressions: whether one is right, which time it names next, and how far apart these are.

Here belongs only what ticks need to know of their own schedule. The expressions are read by croniter, as Dagster reads
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from croniter import CroniterBadDateError, CroniterError, croniter

_FROM = datetime(2023, 1, 1)
"""Any time will do; with the years after it, two leap days are seen."""
_YEARS = timedelta(days=9 * 366)
_NICKNAMES = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
_MANY = 2_000
"""So many times are looked at: a week of every five minutes, and all there are of rare ones."""
_EVERY_DAY = ["*", "*", "*"]
"""Day of month, month and day of week of an expression that names the same times each day."""


@dataclass(frozen=True)
class Cron:
    """A cron expression that names at least one time; `text` is as it was written."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Cron:
        """The expression of that text: five fields, or one of `@hourly` to `@yearly`.

        Raises:
            ValueError: it is none, or no time is ever named by it.
        """
        written = text.strip()
        if written not in _NICKNAMES and len(written.split()) != 5:
            raise ValueError("not a cron expression; write five fields, such as */5 * * * *")
        try:
            croniter(written, _FROM, max_years_between_matches=9).get_next()
        except CroniterBadDateError:
            raise ValueError(f"'{written}' names no time that ever comes") from None
        except CroniterError as error:
            raise ValueError(f"not a cron expression: {' '.join(str(error).split())}") from None
        return cls(written)

    def following(self, instant: datetime) -> datetime:
        """The first time that it names later than that one (both UTC, naive)."""
        return croniter(self.text, instant, max_years_between_matches=9).get_next(datetime)

    @property
    def shortest(self) -> timedelta:
        """From one time to the next where they are nearest to each other."""
        return min(_gaps(self.text))

    @property
    def longest(self) -> timedelta:
        """The same where they are farthest apart."""
        return max(_gaps(self.text))


@cache
def _gaps(text: str) -> frozenset[timedelta]:
    # A tenth of a second where days differ, so not before somebody asks, and once.
    until = _FROM + (timedelta(days=1) if text.split()[2:] == _EVERY_DAY else _YEARS)
    times = croniter(text, _FROM)
    gaps, last = set(), times.get_next(datetime)
    for _ in range(_MANY):
        following = times.get_next(datetime)
        gaps.add(following - last)
        last = following
        if last > until:
            break
    return frozenset(gaps)
