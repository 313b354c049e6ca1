"""A full disk, a damaged warehouse, an engine's own errors: one line, whatever command meets them."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import copy_project

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform, segment_files
from dagster_drips.pipeline.segments import parse_readable
from dagster_drips.project import Project
from dagster_drips.warehouse.port import open_warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_project(tmp_path_factory.mktemp("errors") / "project")


def drips(project: Project, *arguments: str, file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in which no file may grow beyond so many bytes: the kernel's own refusal."""

    def limited() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    command = [sys.executable, "-m", "dagster_drips", *arguments, "--project", str(project.root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, preexec_fn=limited, check=False)


def assert_one_line(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 1, result
    assert "Traceback" not in result.stdout + result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.stderr


def test_a_warehouse_that_is_no_database_is_one_line(project):
    project.data.mkdir(exist_ok=True)
    project.warehouse.write_bytes(b"no database" * 10_000)
    assert_one_line(drips(project, "run", "--no-send"))
    project.warehouse.unlink()


def test_a_disk_without_room_is_one_line(project):
    assert_one_line(drips(project, "run", "--no-send", file_bytes=100_000))
    assert drips(project, "run", "--no-send").returncode == 0
    assert_one_line(drips(project, "rebuild", file_bytes=100_000))
    span = ("--from", "2026-03-01T00:00:00Z", "--to", "2026-03-01T00:00:00Z")
    assert_one_line(drips(project, "replay", *span, file_bytes=100_000))
    assert drips(project, "rebuild").returncode == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_what_the_disk_says_is_one_line(number, tmp_path):
    code = (
        "import sys, typer; from dagster_drips.cli.app import app\n"
        "@app.command()\n"
        f"def full(): raise OSError({number}, {os.strerror(number)!r}, 'a file')\n"
        "app(['full'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (1, f"error: a file: {os.strerror(number)}\n")


@pytest.mark.parametrize("error", [duckdb.OutOfMemoryException, duckdb.InternalException, duckdb.FatalException])
def test_whatever_the_engine_says_is_a_line_that_names_the_warehouse(tmp_path, error):
    path = tmp_path / "warehouse.duckdb"
    with pytest.raises(DripsError) as told, open_warehouse(path):
        raise error("one line\n\nPossible solutions:\n* another" + " and more" * 1_000)
    assert str(told.value).startswith(f"{path}: one line Possible solutions: * another")
    assert len(str(told.value)) < 700


def test_a_segments_file_whose_name_says_something_in_sql_is_set_aside(tmp_path):
    project = copy_project(tmp_path / "project")
    names = ["x' or '1'='1", 'a"b', "*", "a b", "x') }} {{ 1+0 }}"]
    for name in names:
        (project.segments / f"{name}.sql").write_text("select lead_id from {{ ref('stg_leads') }}\n")
    sound = segment_files(project)
    assert not set(names) & set(sound)
    transform = Transform(project)
    broken = parse_readable(project, transform)
    assert set(broken) == set(names)
    assert all("named with letters" in failure.reason for failure in broken.values())
    models = {node.name for node in transform.manifest().nodes.values() if node.resource_type == "model"}
    assert set(sound) <= models
    assert not set(names) & models
    generated = Path(project.dbt / "macros/generated/segment_names.sql").read_text()
    assert not any(name in generated for name in names[:2])
