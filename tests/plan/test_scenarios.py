"""On the golden scenarios: unchanged files plan nothing, and what a plan says of a change is what is sent then."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from conftest import SCENARIOS, copy_project

from dagster_drips.clock import parse_instant
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.replay import STATEMENTS
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.plan.plan import plan
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

EVERY = timedelta(hours=6)
DAYS = 3


def state_of(project: Project) -> dict[str, bytes]:
    """Every file of the project; whoever runs makes dbt's list of segments anew."""
    files = (path for path in project.root.rglob("*") if path.is_file() and "target" not in path.parts)
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", sorted(path.name for path in SCENARIOS.iterdir() if path.is_dir()))
def test_unchanged_files_plan_nothing_and_changed_ones_what_is_sent_then(name: str, tmp_path: Path) -> None:
    scenario = SCENARIOS / name
    project = copy_project(
        tmp_path / "project",
        sequences=scenario / "sequences",
        segments=scenario / "dbt_project" / "models" / "segments",
        data=scenario / "data",
    )
    start = parse_instant(json.loads((scenario / "ticks.json").read_text())["from"])
    pipeline = Pipeline(project, Transform(project), TickJournal(project.journal / "ticks"))
    middle = start + timedelta(days=DAYS)
    with open_warehouse(project.warehouse) as warehouse:
        for number in range(DAYS * 4):
            pipeline.tick(warehouse, start + number * EVERY, settings=None, measure=False)

    before = state_of(project)
    unchanged = plan(project, start=middle, days=DAYS, every=EVERY)
    assert unchanged.is_empty
    assert unchanged.edits == unchanged.warnings == unchanged.samples == unchanged.displaced == []
    assert unchanged.totals["differing"] == 0
    assert unchanged.totals["working_mails"] == unchanged.totals["base_mails"] > 0

    changes = _change(project)
    edited = state_of(project)
    changed = plan(project, start=middle, days=DAYS, every=EVERY, out=tmp_path / "out")
    assert not changed.is_empty
    assert changed.totals["base_mails"] == unchanged.totals["base_mails"]
    assert {edit["kind"] for edit in changed.edits} == {"sequence", "file", "segment"}
    assert state_of(project) == edited, "a plan changes nothing in the project"
    assert {path for path in edited if edited[path] != before.get(path)} == changes

    pipeline.transform.forget()
    with open_warehouse(project.warehouse) as warehouse:
        for number in range(DAYS * 4 + 1):
            pipeline.tick(warehouse, middle + number * EVERY, settings=None, measure=False)
        lived = warehouse.frame(STATEMENTS["sends"], [middle, middle + timedelta(days=DAYS)])
    planned = pl.read_parquet(tmp_path / "out" / "sends.parquet")
    assert planned.height == changed.totals["working_mails"]
    assert planned.rows() == lived.rows()


def _change(project: Project) -> set[str]:
    """A sequence's file, the project's, and a segment's are edited; which."""
    sequence = next(
        path
        for path in sorted(project.sequences.glob("*/sequence.yml"))
        if "status: active" in path.read_text() and "holdout:" not in path.read_text()
    )
    settings, segment = project.sequences / "project.yml", project.segments / "customers.sql"
    sequence.write_text(sequence.read_text().replace("status: active", "status: active\nholdout: 0.5"))
    settings.write_text(settings.read_text().replace("hours: 12", "hours: 36"))
    segment.write_text(f"select lead_id from ({segment.read_text().strip()}) as fewer\nwhere lead_id < 'L0020'\n")
    return {str(path) for path in (sequence, settings, segment)}
