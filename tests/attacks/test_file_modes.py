"""What holds people's data is for its owner alone, or its group; other users of the machine read nothing of it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_drips.project import Project

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LEADS = '{"lead_id": "ada", "email": "ada@acme.example", "created_at": "2026-01-01", "updated_at": "2026-01-01"}\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The example project, copied as a careless user has it: readable by everybody."""
    for name in ("sequences", "dbt_project"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(tmp_path / name)], check=True)
    return Project.at(tmp_path)


def left_behind(project: Project, command: list[str], mode: str | None) -> dict[Path, int]:
    """What a command leaves in `data/`, with permissions; the user's own umask is that of most systems."""
    environment = os.environ | {"DRIPS_PROJECT": str(project.root)} | ({"DRIPS_FILE_MODE": mode} if mode else {})
    before = set(project.data.rglob("*"))
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, umask=0o022)
    assert done.returncode == 0, done.stderr
    made = set(project.data.rglob("*")) - before
    # What a link leads to counts: its own bits mean nothing.
    return {path: stat.S_IMODE(path.stat().st_mode) for path in made}


def test_nothing_of_a_run_is_for_others(project: Project) -> None:
    (project.landing / "leads").mkdir(parents=True)
    (project.landing / "leads" / "leads.jsonl").write_text(LEADS)
    modes = left_behind(project, ["-m", "dagster_drips", "run"], None)
    assert {".duckdb", ".parquet", ".json"} <= {path.suffix for path in modes}, "the run has left what is looked at"
    assert {path for path, bits in modes.items() if bits & 0o077} == set()


WRITES = """
from dagster_drips.cli.app import chosen_project
from dagster_drips.landing.writer.writer import LandingWriter
LandingWriter(chosen_project(None)).land_now({"events": [{"event_id": "1"}], "raw/events": [{"body": ""}]})
"""


@pytest.mark.parametrize(("mode", "file", "folder"), [(None, 0o600, 0o700), ("0640", 0o640, 0o750)])
def test_what_is_landed_is_for_its_owner_or_its_group(
    project: Project, mode: str | None, file: int, folder: int
) -> None:
    modes = left_behind(project, ["-c", WRITES], mode)
    files = {bits for path, bits in modes.items() if path.is_file()}
    folders = {bits for path, bits in modes.items() if path.is_dir() and path.is_relative_to(project.landing)}
    # Files are made with 0644 at most, so that a group reads them and does not write.
    assert (files, folders) == ({file}, {folder})


def test_another_mode_is_refused(project: Project) -> None:
    command = [sys.executable, "-m", "dagster_drips", "--project", str(project.root), "status"]
    done = subprocess.run(command, env=os.environ | {"DRIPS_FILE_MODE": "0666"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: DRIPS_FILE_MODE: '0666'") and len(done.stderr.splitlines()) == 1
