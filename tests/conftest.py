"""What tests share: where the golden scenarios lie, and project folders to work in."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import hypothesis
import pytest

from dagster_drips.pipeline.compiled_runs import FOLDER
from dagster_drips.pipeline.dbt_files import MADE
from dagster_drips.pipeline.dbt_package import PACKAGE as DBT_PACKAGE
from dagster_drips.pipeline.dbt_package import link_package
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.project import Project

# The same examples at each run, so that what fails is what was changed. `--hypothesis-profile default` makes new ones.
hypothesis.settings.load_profile("ci")

REPOSITORY = Path(__file__).parent.parent
SCENARIOS = REPOSITORY / "tests" / "scenarios"
"""Whole projects with the rows that the rules demand; see their README."""


_PARSED = "partial_parse.msgpack"
_SHARED = Path(tempfile.gettempdir()) / f"drips-tests-{os.getuid()}"
_COMPILED = _SHARED / FOLDER
_NEWEST = 60
"""So many compiled runs are handed on: more than there are dbt projects among the tests."""
_made: list[Path] = []
"""Target folders of the projects made so far."""


@cache
def _parsed_models() -> Path:
    """What dbt keeps of its parse of this repository's models, made once for all tests: a parse takes seconds."""
    digest = hashlib.sha256(version("dbt-core").encode())
    for place in (REPOSITORY / "dbt_project", DBT_PACKAGE):
        for path in sorted(place.rglob("*")):
            if path.is_file() and not {*MADE} & set(path.parts):
                digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes() + b"\0")
    folder = _SHARED / digest.hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / _PARSED
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with tempfile.TemporaryDirectory() as scratch:
                copy_dbt_project(Path(scratch))
                transform = Transform(Project(Path(scratch)), warehouse=Path("warehouse.duckdb"))
                transform.manifest()
                shutil.copyfile(transform.target_path / _PARSED, folder / "made")
            (folder / "made").rename(kept)
    return kept


def _collect_compiled_runs() -> None:
    """Keep what dbt compiled for the projects made so far."""
    _COMPILED.mkdir(parents=True, exist_ok=True)
    for earlier in _made:
        for run in (earlier / FOLDER).glob("[!.]*"):
            # Runs are added to a file by putting a larger one in its place.
            with contextlib.suppress(FileNotFoundError):
                known = _COMPILED / run.name
                if not known.exists() or known.stat().st_size < run.stat().st_size:
                    link = _COMPILED / f".{run.name}.{os.getpid()}"
                    link.unlink(missing_ok=True)
                    link.hardlink_to(run)
                    link.replace(known)


def _share_compiled_runs(target: Path) -> None:
    """Hand what dbt compiled for earlier projects on to a new one: kept by their content, they stand for no other."""
    _collect_compiled_runs()
    (target / FOLDER).mkdir()
    runs = sorted(_COMPILED.glob("[!.]*"), key=lambda run: run.stat().st_mtime)
    for outdated in runs[:-_NEWEST]:
        outdated.unlink(missing_ok=True)
    for run in runs[-_NEWEST:]:
        with contextlib.suppress(FileNotFoundError):
            (target / FOLDER / run.name).hardlink_to(run)
    _made.append(target)


def copy_dbt_project(to: Path) -> None:
    """This repository's `dbt_project/` as it is committed, in a project's folder."""
    left = shutil.ignore_patterns(*MADE, ".user.yml", ".dbtignore", "package-lock.yml")
    shutil.copytree(REPOSITORY / "dbt_project", to / "dbt_project", ignore=left)


def copy_project(
    to: Path, *, sequences: Path | None = None, segments: Path | None = None, data: Path | None = None
) -> Project:
    """A project in a folder of its own: this repository's models; other sequences, segments, data where given."""
    to.mkdir(parents=True, exist_ok=True)
    copy_dbt_project(to)
    shutil.copytree(sequences or REPOSITORY / "sequences", to / "sequences")
    (to / "dbt_project" / "target").mkdir()
    shutil.copyfile(_parsed_models(), to / "dbt_project" / "target" / _PARSED)
    _share_compiled_runs(to / "dbt_project" / "target")
    if segments is not None:
        shutil.rmtree(to / "dbt_project" / "models" / "segments")
        shutil.copytree(segments, to / "dbt_project" / "models" / "segments")
    link_package(to / "dbt_project")
    if data is not None:
        shutil.copytree(data, to / "data")
    for path in [to, *to.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)
    return Project.at(to)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DRIPS_")]:
        monkeypatch.delenv(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What no run does by itself."""
    parser.addoption("--all-mutants", action="store_true", help="every mutant of the sequences, not a sample of them")
    parser.addoption("--all-on-spark", action="store_true", help="marts on Spark, too, beside the models that decide")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """The umask of most systems, before any fixture: commands and the code location set the process's own (0077).

    A fixture would be too late: servers that a module's or the session's fixtures start run as other users, and would
    not be able to read their own settings.
    """
    os.umask(0o022)


def pytest_sessionfinish() -> None:
    """What the last projects compiled is for the next session."""
    _collect_compiled_runs()
