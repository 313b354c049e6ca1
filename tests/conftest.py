"""What tests share: where the golden scenarios lie, and project folders to work in."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.project import Project

REPOSITORY = Path(__file__).parent.parent
SCENARIOS = REPOSITORY / "tests" / "scenarios"
"""Whole projects with the rows that the rules demand; see their README."""


_PARSED = "partial_parse.msgpack"


@cache
def _parsed_models() -> Path:
    """What dbt keeps of its parse of this repository's models, made once for all tests: a parse takes seconds."""
    digest = hashlib.sha256(version("dbt-core").encode())
    for path in sorted((REPOSITORY / "dbt_project").rglob("*")):
        if path.is_file() and not {"target", "logs"} & set(path.parts):
            digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes() + b"\0")
    folder = Path(tempfile.gettempdir()) / f"drips-tests-{os.getuid()}" / digest.hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / _PARSED
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with tempfile.TemporaryDirectory() as scratch:
                shutil.copytree(
                    REPOSITORY / "dbt_project",
                    Path(scratch) / "dbt_project",
                    ignore=shutil.ignore_patterns("target", "logs", ".user.yml"),
                )
                transform = Transform(Project(Path(scratch)), warehouse=Path("warehouse.duckdb"))
                transform.manifest()
                shutil.copyfile(transform.target_path / _PARSED, folder / "made")
            (folder / "made").rename(kept)
    return kept


def copy_project(
    to: Path, *, sequences: Path | None = None, segments: Path | None = None, data: Path | None = None
) -> Project:
    """A project in a folder of its own: this repository's models; other sequences, segments, data where given."""
    to.mkdir(parents=True, exist_ok=True)
    shutil.copytree(
        REPOSITORY / "dbt_project", to / "dbt_project", ignore=shutil.ignore_patterns("target", "logs", ".user.yml")
    )
    shutil.copytree(sequences or REPOSITORY / "sequences", to / "sequences")
    (to / "dbt_project" / "target").mkdir()
    shutil.copyfile(_parsed_models(), to / "dbt_project" / "target" / _PARSED)
    if segments is not None:
        shutil.rmtree(to / "dbt_project" / "models" / "segments")
        shutil.copytree(segments, to / "dbt_project" / "models" / "segments")
    if data is not None:
        shutil.copytree(data, to / "data")
    for path in [to, *to.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    return Project.at(to)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DRIPS_")]:
        monkeypatch.delenv(name)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """The umask of most systems, before any fixture: commands and the code location set the process's own (0077).

    A fixture would be too late: servers that a module's or the session's fixtures start run as other users, and would
    not be able to read their own settings.
    """
    os.umask(0o022)
