"""A tick that was decided and not finished may be repeated (T1), and nothing happens twice by that."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from conftest import copy_project

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse, open_warehouse

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1)
SEQUENCE = """
status: active
sender: {name: Ada, email: ada@acme.example}
trigger: {segment_entered: vips}
reentry: after_exit
exit_on: {leaves_segments: true}
steps: [{id: hello, delay: {hours: 9}, subject: Hello, template: mail.html}]
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    (tmp_path / "sequences" / "vips").mkdir(parents=True)
    (tmp_path / "sequences" / "vips" / "sequence.yml").write_text(SEQUENCE)
    (tmp_path / "sequences" / "vips" / "mail.html").write_text("<html><body>Hello</body></html>")
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "vips.sql").write_text(
        "select lead_id from {{ ref('stg_leads') }} where {{ has_tag('vip') }}\n"
    )
    project = copy_project(tmp_path / "project", sequences=tmp_path / "sequences", segments=tmp_path / "segments")
    (project.landing / "leads").mkdir(parents=True)
    return Pipeline(project, Transform(project), journal=None)


def _land(pipeline: Pipeline, hour: int, tags: str) -> None:
    row = {"lead_id": "L1", "email": "l1@x.example", "created_at": "2026-02-01", "tags": tags}
    row["updated_at"] = f"{START + timedelta(hours=hour - 1, minutes=30 + len(tags)):%Y-%m-%dT%H:%M:%SZ}"
    number = len(list((pipeline.project.landing / "leads").iterdir()))
    (pipeline.project.landing / "leads" / f"{number}.jsonl").write_text(json.dumps(row) + "\n")


def _decide(pipeline: Pipeline, warehouse: Warehouse, hour: int) -> None:
    pipeline.begin(warehouse, START + timedelta(hours=hour))
    pipeline.load_sequences(warehouse)
    pipeline.load_landing(warehouse, LANDING_KINDS)
    pipeline.decide(warehouse)
    pipeline.commit_decisions(warehouse)


def _finish(pipeline: Pipeline, warehouse: Warehouse) -> None:
    pipeline.pretend_to_send(warehouse)
    pipeline.settle(warehouse)


def test_what_a_repetition_takes_back_is_no_membership_and_the_next_entry_counts(pipeline: Pipeline) -> None:
    with open_warehouse(pipeline.transform.warehouse) as warehouse:
        _land(pipeline, 0, "")
        _decide(pipeline, warehouse, 0)
        _finish(pipeline, warehouse)
        _land(pipeline, 1, "vip")
        _decide(pipeline, warehouse, 1)
        # the tick dies here; meanwhile a file lands that takes the tag away again
        _land(pipeline, 1, "no longer")
        _decide(pipeline, warehouse, 1)
        _finish(pipeline, warehouse)
        assert warehouse.value("select count(*) from decide.segment_members") == 0
        _land(pipeline, 2, "vip")
        _decide(pipeline, warehouse, 2)
        _finish(pipeline, warehouse)
        entries = warehouse.rows("select occurrence_id from journal.enrollment_decisions order by decided_at")
        assert [row["occurrence_id"] for row in entries] == ["vips@2026-03-01T01:00:00Z", "vips@2026-03-01T02:00:00Z"]
        assert not [node for node in pipeline.measure() if node.failed]
        spells = warehouse.rows("select entered_at, left_at from marts.segment_memberships")
        assert spells == [{"entered_at": START + timedelta(hours=2), "left_at": None}]


def test_a_repetition_judges_nothing_anew_and_a_finished_tick_is_not_repeated(pipeline: Pipeline) -> None:
    with open_warehouse(pipeline.transform.warehouse) as warehouse:
        _land(pipeline, 0, "")
        _decide(pipeline, warehouse, 0)
        _finish(pipeline, warehouse)
        _land(pipeline, 1, "vip")
        for _ in range(2):
            _decide(pipeline, warehouse, 1)
        with pytest.raises(DripsError, match="earlier than the unfinished one"):
            pipeline.begin(warehouse, START + timedelta(minutes=30))
        _finish(pipeline, warehouse)
        for table in ("enrollment_decisions", "segment_changes"):
            assert warehouse.value(f"select count(*) from journal.{table}") == 1, table
        with pytest.raises(DripsError, match="not later than the last finished one"):
            pipeline.begin(warehouse, START + timedelta(hours=1))


def test_a_commit_that_is_repeated_adds_nothing_twice(pipeline: Pipeline) -> None:
    pipeline.journal = TickJournal(pipeline.project.journal / "ticks")
    with open_warehouse(pipeline.transform.warehouse) as warehouse:
        _land(pipeline, 0, "")
        _decide(pipeline, warehouse, 0)
        _finish(pipeline, warehouse)
        _land(pipeline, 1, "vip")
        _decide(pipeline, warehouse, 1)
        pipeline.commit_decisions(warehouse)
        _finish(pipeline, warehouse)
        pipeline.settle(warehouse)
        for table in ("enrollment_decisions", "segment_changes"):
            assert warehouse.value(f"select count(*) from journal.{table}") == 1, table


def test_a_tick_on_a_warehouse_that_is_gone_names_the_command_that_mends_it(pipeline: Pipeline) -> None:
    pipeline.journal = TickJournal(pipeline.project.journal / "ticks")
    with open_warehouse(pipeline.transform.warehouse) as warehouse:
        _land(pipeline, 0, "")
        _decide(pipeline, warehouse, 0)
        _finish(pipeline, warehouse)
    pipeline.transform.warehouse.unlink()
    with open_warehouse(pipeline.transform.warehouse) as warehouse, pytest.raises(DripsError, match="drips rebuild"):
        pipeline.begin(warehouse, START + timedelta(hours=1))
