"""`drips init` makes a project of the installed package alone, and it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPOSITORY
from own_environments import environment
from typer.testing import CliRunner

from dagster_drips.cli import init as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.project import Project
from dagster_drips.scaffold.new_project import new_project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names

EXPECTED = [
    *(".env.example", ".gitignore", "README.md", "dagster.yaml"),
    *("data", "dbt_project", "sequences", "workspace.yaml"),
]


def test_a_new_project_is_valid_and_everything_in_it_is_a_draft(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    result = CliRunner().invoke(app, ["init", str(folder)])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in folder.iterdir()) == EXPECTED
    project = Project.at(folder)
    catalog = read_catalog(project, segments=segment_names(project))
    assert [str(problem) for problem in catalog.errors] == []
    assert {source.sequence.status for source in catalog.sources.values()} == {"draft"}
    assert not (folder / "dbt_project" / "target").exists()


def test_it_writes_into_an_empty_folder_and_a_new_repository_alone(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert new_project(tmp_path) == EXPECTED
    result = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert result.exit_code == 1
    assert "wants an empty folder" in result.output + str(result.exception)


def test_the_settings_that_it_shows_are_settings() -> None:
    contract = (REPOSITORY / "docs" / "contract.md").read_text()
    shown = re.findall(
        r"DRIPS_[A-Z_]+(?:<[A-Z]+>)?", (REPOSITORY / "dagster_drips/scaffold/project/env.example").read_text()
    )
    assert len(shown) > 4
    assert [name for name in shown if f"`{name}`" not in contract] == []


@pytest.mark.slow
def test_the_wheel_alone_makes_a_project_that_ticks(tmp_path: Path) -> None:
    python = environment("hatchling==1.33.0") / "python"
    built = subprocess.run(
        [python, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "wheels"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    told = {**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "HOME": str(tmp_path)}

    def drips(*arguments: str) -> str:
        command = [sys.executable, "-P", "-m", "dagster_drips", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert drips("init", "shop").split() == EXPECTED
    assert (tmp_path / "installed" / "dagster_drips" / "scaffold" / "starter" / "dbt_project").is_dir()
    drips("validate", "--project", "shop")
    assert "decided  0 judged" in drips("run", "--no-send", "--project", "shop")
