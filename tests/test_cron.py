"""Cron expressions: the same times as Dagster reads out of them, and what is none."""

from __future__ import annotations

from datetime import datetime

import pytest
from dagster._utils.schedules import is_valid_cron_schedule
from dagster._vendored.croniter import croniter

from dagster_drips.cron import Cron

FROM, UNTIL = datetime(2023, 1, 1), datetime(2031, 6, 1)
MANY = 3_000


@pytest.mark.parametrize(
    "text",
    [
        *("*/5 * * * *", "* * * * *", "7/20 * * * *", "*/7 3 1-7 * *", "0-30/10,45 * * * *", "5-1 * * * *"),
        *("@hourly", "@daily", "@weekly", "@monthly", "@yearly", " 0  7 * * 1 ", "0 0 L * *", "0 9 * * fri#1"),
        *("5,10 1-3 * JAN MON", "0 9 * * mon-fri", "0 0 * * 7", "0 0 * * 5-7", "0 0 * * mon-sun", "0 0 * * fri-mon"),
        *(
            "0 0 1 * 1",
            "0 0 */2 * 1",
            "0 0 */2 * */2",
            "0 0 1,*/3 * 1",
            "0 0 1-31 * 1",
            "0 0 1 * 0-6",
            "0 0 */1 * 1",
            "0 0 1 * */1",
            "0 0 *,5 * 1",
        ),
        *("59 23 31 12 *", "0 0 29 2 *", "0 0 1-31/2 * *"),
    ],
)
def test_the_gaps_are_those_of_the_times_that_dagster_reads(text: str) -> None:
    assert is_valid_cron_schedule(text)
    times = croniter(text, FROM)
    last, gaps = times.get_next(datetime), set()
    # Nine years of what is rare; what is frequent repeats itself sooner.
    for _ in range(MANY):
        following = times.get_next(datetime)
        gaps.add(following - last)
        last = following
        if last > UNTIL:
            break
    cron = Cron.parse(text)
    assert (cron.shortest, cron.longest) == (min(gaps), max(gaps))
    assert cron.text == text.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write five fields"),
        ("every day", "write five fields"),
        ("* * * * * *", "write five fields"),
        ("@often", "write five fields"),
        ("60 * * * *", "out of range"),
        ("0 0 0 * *", "out of range"),
        ("*/0 * * * *", "step '0' in field 0"),
        ("a * * * *", "not acceptable"),
        ("1--2 * * * *", "not acceptable"),
        ("H * * * *", "Hashed definitions"),
        ("٣ * * * *", "not acceptable"),
        ("0 0 31 2 *", "names no time that ever comes"),
    ],
)
def test_what_is_no_expression_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        Cron.parse(text)
    assert "\n" not in str(refused.value)
