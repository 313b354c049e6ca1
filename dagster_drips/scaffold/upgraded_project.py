"""A project that has the product's models copied, as an earlier version made it, takes the package in their place.

What belongs here is laying the files out anew, with nothing thrown away. Journal, warehouse, landed files and sequences
are not touched: the next tick takes them over.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_files import source_files
from dagster_drips.pipeline.dbt_package import PACKAGE, is_copied, link_package
from dagster_drips.pipeline.run_lock import exclusive_run
from dagster_drips.project import Project
from dagster_drips.scaffold.new_project import LEFT_OUT, make_writable, starter

ASIDE = "dbt_project.before"
"""Where the dbt project is moved, as it was."""
_KEPT = ("models/segments", "profiles.yml", ".dbtignore")
"""What a dbt project has of its own, wherever it is upgraded."""
_IGNORED = ("dbt_project/dbt_packages/", "dbt_project/.drips")


def upgrade_project(folder: Path) -> list[str]:
    """Let a project have the package of the installed version, with its segments and profile kept.

    Args:
        folder: the project's.

    Returns:
        Files that stay in `ASIDE` alone and that no file of the product has the name of: whoever wrote them takes them
        over.

    Raises:
        DripsError: it has no copied models, it was moved aside before, a tick is going on, or it can't be written.
    """
    project = Project.at(folder)
    aside, new = project.root / ASIDE, project.root / f"{ASIDE}.new"
    if not is_copied(project.dbt):
        raise DripsError("this project has no copied models, so there is nothing to upgrade", file=project.dbt)
    if aside.exists():
        raise DripsError("this is there already; move it elsewhere first", file=aside)
    with exclusive_run(project):
        try:
            shutil.rmtree(new, ignore_errors=True)
            _lay_out(project.dbt, new)
            project.dbt.rename(aside)
            new.rename(project.dbt)
            _ignore_links(project.root / ".gitignore")
        except OSError as error:
            raise DripsError(f"can't write: {error.strerror}", file=project.root) from error
        link_package(project.dbt)
    return sorted(_left_behind(aside, project.dbt))


def _lay_out(dbt: Path, new: Path) -> None:
    shutil.copytree(starter() / "dbt_project", new, ignore=LEFT_OUT)
    shutil.rmtree(new / "models" / "segments")
    for name in _KEPT:
        if (dbt / name).is_dir():
            shutil.copytree(dbt / name, new / name, symlinks=True)
        elif (dbt / name).exists():
            shutil.copyfile(dbt / name, new / name)
    make_writable(new)


def _ignore_links(file: Path) -> None:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    missing = [line for line in _IGNORED if line not in text.splitlines()]
    if text and missing:
        file.write_text("\n".join([text.rstrip("\n"), *missing, ""]), encoding="utf-8")


def _left_behind(aside: Path, dbt: Path) -> Iterator[str]:
    for name in source_files(aside):
        if not (dbt / name).exists() and not (PACKAGE / name).exists():
            yield f"{ASIDE}/{name}"
