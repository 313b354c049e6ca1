"""DRIPS_TARGET names the target of dbt for whatever runs dbt."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from conftest import copy_project

from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.replay import Span, replayed
from dagster_drips.pipeline.segment_trial import tried_on_warehouse
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

AT = datetime(2026, 3, 2, 12)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Its profile knows one target, and `.env` names that."""
    project = copy_project(tmp_path / "project")
    profile = project.dbt / "profiles.yml"
    profile.write_text(profile.read_text().replace("    duckdb:\n", "    elsewhere:\n"))
    (project.root / ".env").write_text("DRIPS_TARGET=elsewhere\n")
    return project


def test_ticks_rebuilds_replays_and_trials_of_segments_use_it(project: Project) -> None:
    pipeline = Pipeline.of(project)
    with open_warehouse(project.warehouse) as warehouse:
        pipeline.begin(warehouse, AT)
        pipeline.load_sequences(warehouse)
        pipeline.load_landing(warehouse, LANDING_KINDS)
        pipeline.decide(warehouse)
        pipeline.commit_decisions(warehouse)
        pipeline.settle(warehouse)
    assert rebuild(project).commits == 2
    with replayed(project, Span(AT, AT, timedelta(hours=1))) as (warehouse, _):
        assert warehouse.value("select count(*) from journal.ticks") == 2
    assert tried_on_warehouse(project, read_catalog(project, segments=segment_names(project))) == []
