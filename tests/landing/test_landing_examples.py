"""The shared example data: what an independent reading of the contract says of it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.mark.parametrize("scenario", ["autumn", "spring"])
def test_a_scenario_has_just_the_expected_rows_in_quarantine(landing, scenario):
    folder = SHARED / "scenarios" / scenario
    if not folder.is_dir():
        pytest.skip("the shared scenarios are not beside this checkout")
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
    folder = SHARED / "data" / "onlineshop"
    if not folder.is_dir():
        pytest.skip("the shared data are not beside this checkout")
    shutil.copy(folder / "leads.csv", landing.path("leads/0001.csv"))
    shutil.copy(folder / "events.jsonl.gz", landing.path("events/0001.jsonl.gz"))
    reports = landing.load()
    assert (reports["leads"].rows, reports["events"].rows) == (3_751, 32_283)
    assert landing.rejected() == []
