"""What dbt keeps of a parse is taken over wherever a project is run: moved, on another warehouse, thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import copy_project

from dagster_drips.pipeline.dbt_runner import SEEDS, Transform
from dagster_drips.project import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def files_parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each parse reads."""
    from dbt.parser.manifest import ManifestLoader

    counts: list[int] = []
    original = ManifestLoader.write_manifest_for_partial_parse

    def counted(loader: ManifestLoader) -> None:
        counts.append(loader._perf_info.parsed_path_count)
        original(loader)

    monkeypatch.setattr(ManifestLoader, "write_manifest_for_partial_parse", counted)
    return counts


def test_a_throw_away_run_parses_only_what_changed_since_the_projects_own(tmp_path: Path, files_parsed: list[int]):
    project = copy_project(tmp_path / "project")
    Transform(project).manifest()
    (project.segments / "added.sql").write_text("select lead_id from {{ ref('stg_leads') }}")
    files_parsed.clear()
    elsewhere = Transform(project, warehouse=tmp_path / "other" / "warehouse.duckdb", target_path=tmp_path / "target")
    assert "model.project.added" in elsewhere.manifest().nodes
    assert files_parsed == [1]


def test_a_project_that_was_moved_reads_its_own_seeds(tmp_path: Path, files_parsed: list[int]):
    before = copy_project(tmp_path / "before")
    Transform(before).manifest()
    before.root.rename(tmp_path / "after")
    files_parsed.clear()
    moved = Project.at(tmp_path / "after")
    moved.data.mkdir()
    results = Transform(moved).run("seed", [SEEDS])
    assert {result.status for result in results} == {"success"}
    assert files_parsed in ([], [0])
