"""Many tests are run by several processes, and what comes out doesn't tell by which."""

from __future__ import annotations

import multiprocessing.process
import os
from pathlib import Path

import pytest

from dagster_drips.project import Project
from dagster_drips.sequence_tests.running import run_tests

from .conftest import SEQUENCE, file_of_tests

pytestmark = pytest.mark.slow

NUMBER = 16
FAILS, CANNOT_BE_LANDED = 2, 13
TEST = """
  - name: number {number}
    start: 2026-03-02T11:00:00Z
    given:
      leads: [{{lead_id: ada{employees}}}, {{lead_id: bea}}]
      events: [{{lead_id: ada, event: cart, occurred_at: -10m}}]
    ticks: [+10m]
    expect:
      enrollments: [{{lead_id: {lead_id}}}]
"""


@pytest.fixture
def many(project: Project) -> Project:
    """Short tests: one expects what doesn't happen, one gives a row that can't be landed."""
    tests = [
        TEST.format(
            number=number,
            employees=", employees: many" if number == CANNOT_BE_LANDED else "",
            lead_id="bea" if number == FAILS else "ada",
        )
        for number in range(NUMBER)
    ]
    file_of_tests(project).write_text("tests:" + "".join(tests), encoding="utf-8")
    return project


def test_verdicts_come_in_the_order_of_the_file(many: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    told: list[tuple[str, bool]] = []
    report = run_tests(many, on_verdict=lambda verdict: told.append((verdict.written.test.name, verdict.passed)))
    assert told == [(f"number {number}", number != FAILS) for number in range(NUMBER) if number != CANNOT_BE_LANDED]
    assert [(verdict.written.test.name, verdict.passed) for verdict in report.verdicts] == told
    [problem] = report.problems
    assert problem.file == f"sequences/{SEQUENCE}/tests.yml"
    assert problem.line == 1 + TEST.count("\n") * CANNOT_BE_LANDED + 4


def test_where_no_process_can_begin_this_one_runs_all(
    many: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    # Where a new process begins: it ends at once, before it has read anything.
    monkeypatch.setattr(multiprocessing.process, "ORIGINAL_DIR", str(tmp_path / "gone"))
    report = run_tests(many)
    assert [verdict.passed for verdict in report.verdicts].count(False) == 1
    assert len(report.verdicts) == NUMBER - 1
