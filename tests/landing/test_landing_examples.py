"""Example data as a whole: what an independent reading of the contract says of it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SHOP = TESTS.parents[1] / "shared" / "data" / "onlineshop"
"""A real shop's clickstream, which is not part of this repository."""


@pytest.mark.parametrize("scenario", ["autumn", "spring"])
def test_a_scenario_has_just_the_expected_rows_in_quarantine(landing, scenario):
    folder = TESTS / "scenarios" / scenario
    shutil.rmtree(landing.project.landing)
    shutil.copytree(folder / "data" / "landing", landing.project.landing)
    landing.load()
    with (folder / "expected" / "rejected.csv").open(newline="", encoding="utf-8") as stream:
        expected = {(row["kind"], row["file"], int(row["line"])) for row in csv.DictReader(stream)}
    found = [
        (row["kind"], row["file"], row["line"]) for row in landing.warehouse.rows("from raw.rejected_rows order by all")
    ]
    assert found == sorted(expected)


def test_the_onlineshop_loads_whole(landing):
    if not SHOP.is_dir():
        pytest.skip(f"the shop's data is not here: {SHOP}")
    shutil.copy(SHOP / "leads.csv", landing.path("leads/0001.csv"))
    shutil.copy(SHOP / "events.jsonl.gz", landing.path("events/0001.jsonl.gz"))
    reports = landing.load()
    assert (reports["leads"].rows, reports["events"].rows) == (3_751, 32_283)
    assert landing.rejected() == []
