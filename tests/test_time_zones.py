"""When the world's clocks change in the years to come, for telling when a window opens next."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from dagster_drips.pipeline.tick_clock import set_clock
from dagster_drips.time_zones import offset_spells, utc_offsets, zone_names
from dagster_drips.warehouse import open_warehouse

START, END = datetime(2026, 1, 1), datetime(2028, 1, 1)


@pytest.mark.parametrize("days", [0, 47, 87.04, 87.05, 263.5, 297.04, 297.05, 500, 700])
def test_spells_are_the_offsets_of_every_zone_at_every_instant(days: float) -> None:
    instant = (START + timedelta(days=days)).replace(microsecond=0)
    told = {
        spell.timezone: spell.utc_offset_seconds
        for spell in offset_spells(START, END)
        if spell.since <= instant < spell.until
    }
    assert told == utc_offsets(instant)


def test_spells_meet_to_the_second() -> None:
    spells = [spell for spell in offset_spells(START, END) if spell.timezone == "Australia/Lord_Howe"]
    assert spells[0].since == START
    assert all(one.until == other.since for one, other in pairwise(spells))
    # Half an hour, at 02:00 of the clocks then.
    assert [(spell.until, spell.utc_offset_seconds) for spell in spells[:2]] == [
        (datetime(2026, 4, 4, 15), 39600),
        (datetime(2026, 10, 3, 15, 30), 37800),
    ]
    assert spells[-1].until.year == 9999


def test_a_warehouse_knows_them_a_year_ahead_and_makes_them_no_oftener(tmp_path: Path) -> None:
    made = """
        select min(since) as since, min(made_until) as made_until, count(distinct timezone) as zones
        from raw.clock_changes
    """
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        for instant in (datetime(2026, 11, 5), datetime(2026, 11, 6), datetime(2027, 11, 1)):
            set_clock(warehouse, instant)
            assert warehouse.rows(made) == [
                {"since": START, "made_until": datetime(2029, 1, 1), "zones": len(zone_names())}
            ]
        for instant, since in ((datetime(2028, 1, 1), 2028), (datetime(2025, 6, 1), 2025)):
            set_clock(warehouse, instant)
            assert warehouse.rows(made)[0]["since"] == datetime(since, 1, 1)
