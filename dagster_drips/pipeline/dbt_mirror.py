"""Where dbt runs: in the project's `dbt_project/`, or in a mirror of it below `data/` where that is not ours to write.

dbt and ticks write beside the models: links to the package, the list of segments, which models to leave out, what dbt
parsed and compiled. A dbt project on a read-only disk, or one that is only linked to and that others run, too, stays
as it is: `data/dbt/` has a link to each of its files, and everything that is written. What belongs here is keeping that
mirror; what lies in it is `dbt_package`'s and `dbt_runner`'s.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.locks import exclusive
from dagster_drips.pipeline.dbt_files import MADE, PACKAGES
from dagster_drips.pipeline.dbt_package import INSTALLED, PACKAGE_NAME, link_package
from dagster_drips.project import Project

SEGMENT_LIST = Path("macros") / "generated" / "segment_names.sql"
IGNORED = ".dbtignore"
_LOCK = "dbt.lock"
_WAIT_SECONDS = 60.0
HIDDEN_HEAD = "# Made by drips: segments that dbt can't read. What follows is rewritten at each tick.\n"
"""In `.dbtignore`: what comes below is ours."""


def prepared(project: Project) -> Path:
    """The folder where dbt runs, linked to the models of this installed version; written only where that differs.

    Raises:
        DripsError: it can't be written, or the package can't be linked.
    """
    work = project.dbt_work
    if work != project.dbt:
        try:
            # Runs, sensors and commands look at once; what one begins another would take for left over.
            with exclusive(project.data / _LOCK, wait_seconds=_WAIT_SECONDS):
                _mirror(project.dbt, work)
        except OSError as error:
            raise DripsError(f"can't write: {error.strerror}", file=error.filename or work) from error
    link_package(work)
    return work


def _mirror(source: Path, work: Path) -> None:
    files = _files(source)
    for path, original in files.items():
        _link(work / path, original)
    for place, folders, names in os.walk(work):
        folders[:] = [name for name in folders if name not in MADE]
        for name in names:
            path = Path(place, name)
            if path.is_symlink() and path.relative_to(work).as_posix() not in files:
                path.unlink()
    _mirror_packages(source, work)
    _mirror_ignored(source / IGNORED, work / IGNORED)


def _files(source: Path) -> dict[str, Path]:
    """What somebody wrote, by its path; not what is written into the mirror."""
    found = {}
    for place, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not (name in MADE or name.startswith("."))]
        for name in names:
            path = Path(place, name)
            found[path.relative_to(source).as_posix()] = path
    for ours in (SEGMENT_LIST.as_posix(), IGNORED, ".user.yml"):
        found.pop(ours, None)
    return found


def _mirror_packages(source: Path, work: Path) -> None:
    """What `dbt deps` fetched; the product's own package is that of this installed version."""
    for folder in PACKAGES:
        theirs = {path.name: path for path in (source / folder).glob("*")} if (source / folder).is_dir() else {}
        theirs.pop(PACKAGE_NAME, None)
        for name, path in theirs.items():
            _link(work / folder / name, path)
        for path in (work / folder).glob("*"):
            if path.is_symlink() and path.name not in theirs and path != work / INSTALLED:
                path.unlink()


def _mirror_ignored(theirs: Path, ours: Path) -> None:
    wanted = theirs.read_bytes() if theirs.is_file() else b""
    known = ours.read_bytes() if ours.is_file() else b""
    if known.split(HIDDEN_HEAD.encode())[0] == wanted:
        return
    ours.unlink(missing_ok=True)
    if wanted:
        ours.write_bytes(wanted)


def _link(place: Path, target: Path) -> None:
    with suppress(OSError):
        if Path(os.readlink(place)) == target:  # noqa: PTH115 - of each file of the project, at each run
            return
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    made = place.with_name(f".{place.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    made.symlink_to(target)
    made.replace(place)
