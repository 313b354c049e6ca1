"""Where dbt runs: beside the models, or in a mirror below `data/` where these are not ours to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dagster_drips.pipeline.dbt_mirror import HIDDEN_HEAD, prepared
from dagster_drips.pipeline.dbt_package import PACKAGE
from dagster_drips.pipeline.own_models import hide_models, write_segment_list
from dagster_drips.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One whose dbt project is a link to another folder."""
    theirs = tmp_path / "analytics"
    for name in ("models/core", "macros/generated", "dbt_packages/utils", "target", ".git"):
        (theirs / name).mkdir(parents=True)
    for name, text in {
        "dbt_project.yml": "name: analytics\n",
        "models/core/customers.sql": "select 1",
        "macros/generated/segment_names.sql": "theirs",
        ".dbtignore": "models/old\n",
        "target/manifest.json": "{}",
        ".git/config": "",
    }.items():
        (theirs / name).write_text(text)
    root = tmp_path / "lifecycle"
    (root / "sequences").mkdir(parents=True)
    (root / "dbt_project").symlink_to("../analytics")
    return Project.at(root)


def _theirs(project: Project) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in project.dbt.resolve().rglob("*")}


def test_a_project_that_is_linked_to_is_mirrored_and_stays_as_it_is(project: Project) -> None:
    before = _theirs(project)
    work = prepared(project)
    assert work == project.dbt_work == project.data / "dbt"
    assert (work / "models" / "core" / "customers.sql").read_text() == "select 1"
    assert (work / ".drips").resolve() == (work / "dbt_packages" / "drips").resolve() == PACKAGE
    assert (work / "dbt_packages" / "utils").resolve() == project.dbt.resolve() / "dbt_packages" / "utils"
    assert not (work / "target").exists() and not (work / ".git").exists()
    assert write_segment_list(project, ["vips"])
    assert hide_models(project, ["models/segments/a b.sql"])
    assert (work / ".dbtignore").read_text() == f"models/old\n{HIDDEN_HEAD}models/segments/a?b.sql\n"
    prepared(project)
    assert "vips" in (work / "macros" / "generated" / "segment_names.sql").read_text()
    assert "a?b" in (work / ".dbtignore").read_text()
    assert _theirs(project) == before


def test_the_mirror_follows_what_changes(project: Project) -> None:
    work = prepared(project)
    unchanged = (work / "dbt_project.yml").lstat().st_ino
    (project.dbt / "models" / "core" / "customers.sql").unlink()
    (project.dbt / "models" / "core" / "orders.sql").write_text("select 2")
    (project.dbt / "dbt_packages" / "utils").rmdir()
    (project.dbt / ".dbtignore").unlink()
    prepared(project)
    assert [path.name for path in (work / "models" / "core").iterdir()] == ["orders.sql"]
    assert not os.path.lexists(work / "dbt_packages" / "utils")
    assert not (work / ".dbtignore").exists()
    assert (work / "dbt_project.yml").lstat().st_ino == unchanged


def test_a_project_of_its_own_is_where_dbt_runs(tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    project = Project.at(tmp_path)
    assert prepared(project) == project.dbt
    assert not project.data.exists()
