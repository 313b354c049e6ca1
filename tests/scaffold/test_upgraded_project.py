"""`drips init --upgrade` gives a project with copied models the package, and throws nothing away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import Result
from conftest import DBT_PACKAGE
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.project import Project
from dagster_drips.scaffold.new_project import new_project

OWN = {
    "models/segments/late.sql": "select lead_id from {{ ref('stg_leads') }} where {{ bucket('lead_id') }} < 0.5\n",
    "models/staging/stg_plans.sql": "select 1 as plan\n",
    "macros/ours.sql": "{% macro ours() %} 1 {% endmacro %}\n",
    "profiles.yml": "drips: {target: elsewhere}\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """As version 0.1 made one: all models in `dbt_project/`, and no package; with files and rows of its own."""
    new_project(tmp_path / "shop")
    project = Project.at(tmp_path / "shop")
    for name in (".drips", "dbt_packages/drips", "packages.yml", "macros/short_names.sql"):
        (project.dbt / name).unlink()
    shutil.copytree(DBT_PACKAGE, project.dbt, dirs_exist_ok=True)
    for name, text in OWN.items():
        (project.dbt / name).write_text(text)
    (project.dbt / "models" / "marts" / "messages.sql").write_text("select 'edited' as word\n")
    (project.root / ".gitignore").write_text(".env\ndbt_project/target/\n")
    project.warehouse.touch()
    return project


def upgraded(project: Project) -> Result:
    return CliRunner().invoke(app, ["init", "--upgrade", str(project.root)])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_moved_aside_and_segments_and_profile_stay(project: Project) -> None:
    before, sequences = files(project.dbt), files(project.sequences)
    result = upgraded(project)
    assert result.exit_code == 0, result.output
    assert files(project.root / "dbt_project.before") == before
    assert files(project.sequences) == sequences
    assert project.warehouse.exists()

    assert (project.dbt / "profiles.yml").read_text() == OWN["profiles.yml"]
    kept = {path.name for path in project.segments.iterdir()}
    assert kept == {Path(name).name for name in before if name.startswith("models/segments/")}
    assert not (project.dbt / "models" / "marts").exists()
    assert (project.dbt / "dbt_packages" / "drips").resolve() == DBT_PACKAGE
    assert (project.root / ".gitignore").read_text().splitlines() == [
        *(".env", "dbt_project/target/", "dbt_project/dbt_packages/", "dbt_project/.drips"),
    ]
    # `validate` tells of the old layout, and finds nothing now.
    checked = CliRunner().invoke(app, ["validate", "--project", str(project.root)])
    assert checked.exit_code == 0, checked.output


def test_whoever_upgrades_is_told_which_files_are_left_to_take_over(project: Project) -> None:
    assert upgraded(project).stdout.splitlines() == [
        "dbt_project.before/macros/ours.sql",
        "dbt_project.before/models/staging/stg_plans.sql",
    ]


def test_a_project_that_has_the_package_and_one_moved_aside_before_are_left_alone(project: Project) -> None:
    aside = project.root / "dbt_project.before"
    aside.mkdir()
    before = files(project.root)
    refused = upgraded(project)
    assert refused.exit_code == 1
    assert "this is there already; move it elsewhere first" in refused.output + str(refused.exception)
    assert files(project.root) == before
    aside.rmdir()
    assert upgraded(project).exit_code == 0
    before = files(project.root)
    again = upgraded(project)
    assert again.exit_code == 1
    assert "no copied models" in again.output + str(again.exception)
    assert files(project.root) == before
