"""One process may run ticks of several projects, each with its own models."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from conftest import copy_project

from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.runs.one_tick import run_tick
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow


def test_a_second_project_runs_its_own_models(tmp_path: Path) -> None:
    first, second = (copy_project(tmp_path / name) for name in ("first", "second"))
    (second.segments / "only_here.sql").write_text("select lead_id from {{ ref('stg_leads') }}\n")
    for project in (first, second):
        assert run_tick(Pipeline.of(project), as_of=datetime(2026, 3, 1), send=False).problems == []
    assert not _has_segment(first)
    assert _has_segment(second)


def _has_segment(project: Project) -> bool:
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        return bool(warehouse.value("select count(*) from duckdb_views() where view_name = 'only_here'"))
