"""Whole projects with the rows that the rules demand, made by an independent implementation of the same text.

The same files and the same instants give the same decisions, row for row, on any machine (T3).
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import SCENARIOS, copy_project
from explain.agreement import nobody_waits_in_vain, rows_say_what_was_decided
from postgres_server import postgres_is_there, postgres_server
from same_rows import look_later
from warehouse_on_postgres import dbt, differences, move, prepare

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

DECISIONS = """
select sequence_id, lead_id, occurrence_id, strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') as occurred_at,
    strftime(decided_at, '%Y-%m-%dT%H:%M:%SZ') as decided_at, decision, coalesce(enrollment_id, '') as enrollment_id
from marts.enrollment_decisions
"""

ENROLLMENTS = """
select enrollment_id, sequence_id, lead_id, strftime(triggered_at, '%Y-%m-%dT%H:%M:%SZ') as triggered_at,
    strftime(enrolled_at, '%Y-%m-%dT%H:%M:%SZ') as enrolled_at, arm, status, coalesce(exit_reason, '') as exit_reason,
    coalesce(strftime(closed_at, '%Y-%m-%dT%H:%M:%SZ'), '') as closed_at, cast(steps_sent as varchar) as steps_sent,
    coalesce(strftime(converted_at, '%Y-%m-%dT%H:%M:%SZ'), '') as converted_at
from marts.enrollments
"""


@pytest.mark.parametrize("name", ["autumn", "spring"])
def test_a_replay_gives_exactly_the_rows_of_the_scenario(name: str, tmp_path: Path) -> None:
    scenario = SCENARIOS / name
    project = copy_project(
        tmp_path / "project",
        sequences=scenario / "sequences",
        segments=scenario / "dbt_project" / "models" / "segments",
        data=scenario / "data",
    )
    ticks = json.loads((scenario / "ticks.json").read_text())
    out, kept = tmp_path / "sends.csv", tmp_path / "warehouse.duckdb"
    subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "dagster_drips",
                "replay",
                "--project",
                project.root,
                "--out",
                out,
                "--warehouse",
                kept,
            ),
            *("--from", ticks["from"], "--to", ticks["to"], "--every", ticks["every"]),
        ],
        check=True,
    )

    expected = scenario / "expected"
    assert out.read_text() == (expected / "sends.csv").read_text()
    with open_warehouse(kept) as warehouse:
        assert _sorted(warehouse.rows(DECISIONS)) == _read(expected / "decisions.csv")
        assert _sorted(warehouse.rows(ENROLLMENTS)) == _read(expected / "enrollments.csv")
        rejected = warehouse.rows("select kind, file, cast(line as varchar) as line from raw.rejected_rows")
        rows_say_what_was_decided(warehouse)
        nobody_waits_in_vain(warehouse)
    assert _sorted(rejected) == _read(expected / "rejected.csv", without="reason")
    # What CI asks of every model's keys, of a warehouse with something in it. What may be sent is asked before it is.
    tests = Transform(project, warehouse=kept).run("test", ["fqn:drips"], exclude=["assert_due_steps_may_be_sent"])
    assert len(tests) > 150
    assert [test for test in tests if test.status != "pass"] == []
    if name == "spring" and postgres_is_there():
        _postgres_makes_the_same_of_it(project, kept)


def _postgres_makes_the_same_of_it(project: Project, warehouse: Path) -> None:
    # Thirty-three hours later something is new to be judged, and something is due.
    look_later(warehouse, timedelta(hours=33))
    with postgres_server() as server:
        prepare(server)
        assert move(warehouse, server) > 5000
        results = dbt(server, project, "build", "--resource-type", "model", "--resource-type", "seed")["results"]
        assert {result["unique_id"]: result["message"] for result in results if result["status"] != "success"} == {}
        made = Transform(project, warehouse=warehouse).run("run", ["*"])
        assert {node.status for node in made} == {"success"}
        with open_warehouse(warehouse) as here:
            for model in ("decide.judged_occurrences", "decide.due_steps", "marts.messages", "marts.explanations"):
                assert here.value(f"select count(*) from {model}") > 0, model
        assert differences(warehouse, server) == {}


def _read(file: Path, without: str = "") -> list[tuple[tuple[str, str], ...]]:
    with file.open(newline="") as stream:
        return _sorted(
            [{name: value for name, value in row.items() if name != without} for row in csv.DictReader(stream)]
        )


def _sorted(rows: list[dict[str, str]]) -> list[tuple[tuple[str, str], ...]]:
    return sorted(tuple(row.items()) for row in rows)
