"""E10 through whole ticks: a segment that keeps its result is asked once its span is over, and people are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.segments import parse_readable
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

SEQUENCE = """\
name: Welcome
status: active
active_from: 2026-03-01T00:00:00Z
trigger: {segment_entered: heavy}
segments: {include: [heavy]}
steps:
  - {id: hello, subject: Hello, delay: {days: 1}, template: hello.html}
"""
MODEL = "{{ config(meta={'refresh': '%s'}) }}\nselect lead_id from {{ ref('stg_leads') }}\n"


def drips(project: Project, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["--project", str(project.root), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def tick(project: Project, time: str, *, measure: bool = False) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        pipeline = Pipeline(project, Transform(project), None)
        pipeline.tick(warehouse, datetime.fromisoformat(f"2026-03-01T{time}:00"), settings=None, measure=measure)


def land(project: Project, lead_id: str, time: str) -> None:
    row = {"lead_id": lead_id, "email": f"{lead_id}@people.example", "created_at": f"2026-03-01T{time}:00Z"}
    (project.landing / "leads" / f"{lead_id}.jsonl").write_text(json.dumps(row))


def asked(project: Project) -> list[Any]:
    """Of each tick when it was, which tick had asked the segment, and how many members it had."""
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        rows = warehouse.rows("from journal.segment_results where segment = 'heavy' order by as_of")
    return [(f"{row['as_of']:%H:%M}", f"{row['refreshed_at']:%H:%M}", row["members"]) for row in rows]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(tmp_path_factory.mktemp("refreshes") / "project")
    for file in project.segments.glob("*.sql"):
        file.unlink()
    (project.segments / "_segments.yml").unlink()
    for folder in project.sequences.iterdir():
        for file in folder.glob("*.yml") if folder.is_dir() else ():
            file.unlink()
    (project.segments / "heavy.sql").write_text(MODEL % "1h")
    folder = project.sequences / "welcome"
    folder.mkdir()
    (folder / "sequence.yml").write_text(SEQUENCE)
    (folder / "hello.html").write_text("<p>Hello {{ unsubscribe_url }}</p>")
    (project.landing / "leads").mkdir(parents=True, exist_ok=True)
    land(project, "early", "09:00")
    tick(project, "10:00")
    land(project, "late", "10:10")
    tick(project, "10:30", measure=True)
    return project


def test_between_two_refreshes_membership_is_the_last_result(project: Project) -> None:
    assert asked(project) == [("10:00", "10:00", 1), ("10:30", "10:00", 1)]
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        assert warehouse.value("select count(*) from kept.current_leads") == 2


def test_people_are_told_as_of_when_a_result_is(project: Project) -> None:
    told = json.loads(drips(project, "status", "--json"))["refreshed_segments"]
    assert [
        (row["segment"], row["members"], row["refreshed_at"][:16], row["next_refresh_at"][:16]) for row in told
    ] == [("heavy", 1, "2026-03-01T10:00", "2026-03-01T11:00")]
    assert "heavy          1  2026-03-01 10:00  2026-03-01 11:00" in drips(project, "status")
    assert "include heavy: no member (asked 2026-03-01T10:00:00Z" in drips(project, "explain", "late")
    early = next(line for line in drips(project, "explain", "early").splitlines() if "include heavy" in line)
    assert (
        early.startswith("  include heavy: member since 2026-03-01T10:00:00Z")
        and " (asked 2026-03-01T10:00:00Z" in early
    )


def test_once_the_span_is_over_who_came_meanwhile_enters(project: Project) -> None:
    tick(project, "11:00")
    assert asked(project)[-1] == ("11:00", "11:00", 2)
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        entries = warehouse.rows("select lead_id, as_of from journal.segment_changes where is_entry")
    assert [(row["lead_id"], f"{row['as_of']:%H:%M}") for row in entries] == [("late", "11:00")]


@pytest.mark.parametrize(
    "change",
    [
        lambda project: _drop(project, "segments.heavy"),
        lambda project: _drop(project, "kept.current_leads"),
    ],
    ids=["its result is gone", "everything is made anew"],
)
def test_a_segment_is_asked_at_once_where_there_is_no_result_to_keep(
    project: Project, change: Callable[[Project], object]
) -> None:
    ticks = asked(project)
    land(project, f"extra{len(ticks)}", "11:00")
    now = f"11:{len(ticks):02}"  # well within the hour since it was asked
    change(project)
    tick(project, now)
    assert asked(project)[-1] == (now, now, ticks[-1][2] + 1)


def _drop(project: Project, table: str) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(f"drop table {table}")


def test_a_span_that_nobody_can_read_is_a_mistake_of_the_segment(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    (project.segments / "nurture.sql").write_text(MODEL % "soon")
    words = "dbt_project/models/segments/nurture.sql: refresh must be such as '30m', '1h' or '2d', not 'soon'"
    assert [str(failure) for failure in parse_readable(project, Transform(project)).values()] == [words]
