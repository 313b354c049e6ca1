"""`drips status` on warehouses at every age: none, untouched, half a tick, with problems."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from dbt_models import rendered
from typer.testing import CliRunner

from dagster_drips.cli import status as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.cli.status import read_status
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.status import publish_facts
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
TICK = datetime(2026, 3, 1, 2)
REJECTED = """
insert into raw.rejected_rows by name
select 'events' as kind, 'bad.jsonl' as file, line, 'event_id missing' as reason, '{}' as row, 1 as _load
from range(3, 6) as lines (line)
"""
SEQUENCE = """
insert into raw.sequences by name
select 'welcome' as sequence_id, 'v1' as version_id, 'Welcome' as name, 'paused' as status, 'deleted' as file_state,
    timestamp '2026-01-01' as active_from, 'lead_created' as trigger_kind, false as include_existing,
    0 as lookback_seconds, 'never' as reentry, 0 as holdout, true as exits_on_goal, false as exits_on_reply,
    false as exits_on_leaving_segments, 'a@acme.example' as sender_email, '1111111' as window_days,
    0 as window_start_minute, 1440 as window_end_minute, 'UTC' as window_timezone, 50 as priority,
    false as transactional
"""
DECISIONS = """
insert into journal.enrollment_decisions by name
select 'welcome' as sequence_id, 'l' || n as lead_id, 'o' || n as occurrence_id, timestamp '2026-03-01' as occurred_at,
    timestamp '2026-03-01 02:00' as decided_at, if(n < 3, 'enrolled', 'suppressed') as decision,
    if(n < 3, 'e' || n, null) as enrollment_id, 'treatment' as arm
from range(0, 5) as numbers (n)
"""
# As dbt makes it, from the macro itself.
ENROLLMENTS = "create schema after_sending; create view after_sending.enrollments_after_sending as " + rendered(
    """{{ enrollments_of("journal.enrollment_decisions", "journal.enrollment_closings") }}"""
)
CLOSING = "insert into journal.enrollment_closings values ('e0', timestamp '2026-03-01 02:00', 'exited', 'converted')"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    return Project.at(tmp_path)


def _run(project: Project, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["status", "--project", str(project.root), *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_without_a_warehouse_it_names_the_command_that_makes_one(project: Project) -> None:
    code, out, err = _run(project)
    assert (code, out) == (1, "")
    assert "`drips run`" in err
    assert len(err.splitlines()) == 1
    assert not project.warehouse.exists()


def test_a_warehouse_without_a_tick_is_no_error(project: Project) -> None:
    with open_warehouse(project.warehouse):
        pass
    code, out, _ = _run(project)
    assert code == 0
    assert "no tick yet" in out
    assert "no problems" in out


def test_it_counts_who_is_enrolled_and_names_every_problem(project: Project) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        for statement in (REJECTED, SEQUENCE, DECISIONS, ENROLLMENTS, CLOSING):
            warehouse.execute(statement)
        warehouse.execute(
            "insert into raw.loaded_files values (1, 'events', 'events/bad.jsonl', 1, 'x', 1, 3, 0, ?)", [TICK]
        )
        warehouse.execute("insert into journal.ticks values (?, 'decided', ?, 1)", [TICK, TICK])
    code, out, _ = _run(project, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["last_tick"]["as_of"] == "2026-03-01T02:00:00Z"
    assert found["enrolled"] == [{"sequence_id": "welcome", "enrolled": 3, "active": 2, "completed": 0, "exited": 1}]
    assert found["sequences"][0]["opens_at"] == "2026-01-01T00:00:00Z"
    assert len(found["problems"]) == 3
    for words in (
        "did not finish",
        "welcome is paused: its file is gone",
        "data/landing/events/bad.jsonl:3: 3 rows rejected",
    ):
        assert any(words in problem for problem in found["problems"]), words


def test_rows_rejected_long_ago_are_no_news(project: Project) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(REJECTED)
        for load, name, loaded_at in ((1, "bad", "2026-01-01"), (2, "good", "2026-03-01")):
            warehouse.execute(
                "insert into raw.loaded_files values (?, 'events', ?, 1, 'x', 1, 0, 0, cast(? as timestamp))",
                [load, f"events/{name}.jsonl", loaded_at],
            )
    assert read_status(project).problems == []


def test_files_that_nobody_reads_are_problems(project: Project) -> None:
    with open_warehouse(project.warehouse):
        pass
    folder = project.landing / "leads"
    folder.mkdir(parents=True)
    for number in range(12):
        (folder / f"{number:02}.xlsx").write_bytes(b"")
    problems = read_status(project).problems
    assert problems[0].startswith("data/landing/leads/00.xlsx: ignored: not .csv, ")
    assert problems[-1] == "2 more files are ignored in data/landing"
    assert len(problems) == 11


@contextmanager
def held(project: Project) -> Iterator[None]:
    """Another process that writes the warehouse as long as this lasts."""
    holder = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    project.data.mkdir(exist_ok=True)
    command = [sys.executable, "-c", holder, str(project.warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate()


def test_a_warehouse_that_another_process_writes_and_never_published_is_told_in_one_line(project: Project) -> None:
    with held(project), pytest.raises(DripsError, match="another process"):
        read_status(project)


def _fill(project: Project) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        for statement in (REJECTED, SEQUENCE, DECISIONS, ENROLLMENTS, CLOSING):
            warehouse.execute(statement)
        warehouse.execute(
            "insert into raw.loaded_files values (1, 'events', 'events/bad.jsonl', 1, 'x', 1, 3, 0, ?)", [TICK]
        )
        warehouse.execute("insert into journal.ticks values (?, 'decided', ?, 1)", [TICK, TICK])
        warehouse.execute(
            "insert into raw.segment_failures values"
            " ('vips', 'dbt_project/models/segments/vips.sql', 'no column x', false)"
        )


def test_while_a_tick_runs_it_tells_what_the_last_one_published(project: Project) -> None:
    _fill(project)
    lived = read_status(project)
    assert "dbt_project/models/segments/vips.sql: no column x" in lived.problems
    project.published_set.mkdir(parents=True)
    with open_warehouse(project.warehouse) as warehouse:
        publish_facts(warehouse, project.published_set)
        warehouse.execute("delete from journal.enrollment_decisions")
    with held(project):
        told = read_status(project)
        assert told.published_at is not None
        assert replace(told, published_at=None) == lived
        _, out, _ = _run(project)
        assert out.startswith("a tick is running; as published at ")
        code, out, _ = _run(project, "--json")
        assert (code, json.loads(out)["enrolled"][0]["enrolled"]) == (0, 3)
    assert read_status(project).enrolled == []


def test_what_somebody_has_seen_of_rejected_rows_is_told_no_more_until_there_are_others(project: Project) -> None:
    _fill(project)
    assert any("bad.jsonl:3: 3 rows rejected" in problem for problem in read_status(project).problems)
    code, out, err = _run(project, "--acknowledge", "--json")
    assert (code, err) == (0, "acknowledged: rejected rows of 1 files\n")
    assert "rejected" not in out
    assert "bad.jsonl" not in (project.journal / "acknowledged_rejections.jsonl").read_text()
    assert _run(project, "--acknowledge")[2] == "acknowledged: rejected rows of 0 files\n"
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(
            "insert into raw.rejected_rows values ('events', 'bad.jsonl', 9, 'no event_id', null, 1),"
            " ('leads', 'bad.jsonl', 1, 'no lead_id', null, 1)"
        )
    assert [problem.partition(": ")[0] for problem in read_status(project).problems if "rejected" in problem] == [
        "data/landing/events/bad.jsonl:3",
        "data/landing/leads/bad.jsonl:1",
    ]


def test_an_acknowledgement_that_cannot_be_read_is_told_in_one_line(project: Project) -> None:
    _fill(project)
    project.journal.mkdir()
    (project.journal / "acknowledged_rejections.jsonl").write_text("{}\n")
    code, out, err = _run(project)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "acknowledged_rejections.jsonl: can't be read" in err
