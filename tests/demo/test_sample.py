"""The seeded sample: the same every time, taken by the real loader, and there in time."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_drips.demo.run import DemoPlan
from dagster_drips.demo.sample import Sample, make_sample
from dagster_drips.landing.load import load_landing
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

LEADS, EVENTS = 300, 3_000
PLAN = DemoPlan()


def _sample(seed: int = 1, leads: int = LEADS, events: int = EVENTS) -> Sample:
    return make_sample(seed, leads=leads, events=events, start=PLAN.sample_start, ticks=PLAN.ticks)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for kind in LANDING_KINDS:
        (tmp_path / "data" / "landing" / kind).mkdir(parents=True)
    return Project(tmp_path)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def test_equal_seeds_make_equal_files() -> None:
    assert _sample(7) == _sample(7)
    assert _sample(7) != _sample(8)


def test_the_loader_takes_all_rows_but_those_meant_to_be_broken(project: Project) -> None:
    sample = _sample()
    landed = sample.land(project, None, PLAN.last_tick)
    with open_warehouse(project.warehouse) as warehouse:
        reports = load_landing(
            project,
            warehouse,
            fields={"employees": "integer", "lifetime_value": "number"},
            loaded_at=datetime(2026, 3, 15),
        )
        lines = warehouse.value("select count(*) from raw.rejected_rows where line > 0")
        leads = warehouse.value("select count(distinct lead_id) from raw.leads")
    assert landed == len(sample.arrivals) == sum(report.files for report in reports.values())
    assert reports["events"].rows == EVENTS
    assert leads == LEADS
    assert sum(report.rejected for report in reports.values()) == lines == sample.rejected > 0
    assert reports["events"].duplicates > 0


def test_the_full_sample_has_the_promised_size_and_span() -> None:
    sample = _sample(leads=PLAN.leads, events=PLAN.events)
    assert (sample.leads, sample.events) == (5_000, 60_000)
    occurred = [_instant(row["occurred_at"]) for file in sample.arrivals for row in _events(file.kind, file.content)]
    within = [moment for moment in occurred if moment >= PLAN.sample_start]
    assert PLAN.last_tick - PLAN.sample_start == timedelta(days=30)
    assert max(within) <= PLAN.last_tick
    assert len(within) > 0.98 * PLAN.events  # the rest: last visits of those who fell silent


def test_every_event_is_there_at_the_first_tick_that_may_see_it() -> None:
    ticks = PLAN.ticks
    late = [
        row["event_id"]
        for file in _sample().arrivals
        for row in _events(file.kind, file.content)
        if any(_instant(row["received_at"]) <= tick < file.at for tick in ticks)
    ]
    assert late == []


def test_files_arrive_once_and_in_turn(project: Project) -> None:
    sample = _sample()
    first, second = PLAN.ticks[0], PLAN.ticks[1]
    landed = sample.land(project, None, first) + sample.land(project, first, second)
    names = [path.name for kind in LANDING_KINDS for path in (project.landing / kind).iterdir()]
    assert landed == len(names) == len([file for file in sample.arrivals if file.at <= second])
    assert not [name for name in names if name.startswith(".")]


def test_nobody_real_is_written_to() -> None:
    for file in _sample().arrivals:
        text = (gzip.decompress(file.content) if file.name.endswith(".gz") else file.content).decode()
        assert all(after.startswith(_host_of(after) + ".example") for after in text.lower().split("@")[1:])


def _host_of(after: str) -> str:
    return after.split(".", 1)[0]


def _events(kind: str, content: bytes) -> list[dict[str, str]]:
    if kind != "events":
        return []
    rows = []
    for line in gzip.decompress(content).splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.get("received_at"):
            rows.append(row)
    return rows
