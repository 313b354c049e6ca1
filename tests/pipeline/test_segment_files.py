"""Which files are segments: one list for dbt and for `validate`, and nobody else writes it down for dbt."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from conftest import copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.segments import parse_readable
from dagster_drips.project import Project
from dagster_drips.sequences.segment_files import segment_names

pytestmark = pytest.mark.slow

SQL = "select lead_id from {{ ref('stg_leads') }}\n"
GENERATED = "macros/generated/segment_names.sql"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return copy_project(tmp_path / "project")


def test_what_editors_leave_and_what_is_no_file_is_no_segment(project: Project) -> None:
    sound = segment_names(project)
    folder = project.segments
    for name in (".hidden.sql", "#saved.sql", "~old.sql", "nurture.sql~", "nurture.sql.bak", ".nurture.sql.swp"):
        (folder / name).write_text(SQL)
    # Emacs locks a file by a link that leads nowhere.
    (folder / ".#nurture.sql").symlink_to("ada@workstation.4711:1767225600")
    (folder / "gone.sql").symlink_to("no_such_file.sql")
    (folder / "folder.sql").mkdir()
    (folder / "linked.sql").symlink_to("nurture.sql")

    assert segment_names(project) == sorted([*sound, "linked"])
    transform = Transform(project)
    assert parse_readable(project, transform) == {}
    models = [node for node in transform.manifest().nodes.values() if node.resource_type == "model"]
    assert sorted(node.name for node in models if node.fqn[1] == "segments") == sorted([*sound, "linked"])


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "command",
    [["status"], ["export", "l1"], ["suppressions", "export"], ["doctor", "--no-dns"], ["resolve"]],
    ids=lambda command: command[0],
)
def test_a_command_that_reads_changes_nothing_that_dbt_reads(project: Project, command: list[str]) -> None:
    (project.segments / "brand_new.sql").write_text(SQL)
    before = _digests(project.dbt)
    CliRunner().invoke(app, ["--project", str(project.root), *command])
    assert _digests(project.dbt) == before


def test_validate_tells_dbt_of_a_new_segment(project: Project) -> None:
    (project.segments / "brand_new.sql").write_text(SQL)
    assert CliRunner().invoke(app, ["--project", str(project.root), "validate"]).exit_code == 0
    assert "'brand_new'" in (project.dbt / GENERATED).read_text()
