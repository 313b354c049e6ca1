"""The demo's own project folder: made anew each time, never at the cost of somebody's files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.locks import exclusive
from dagster_drips.pipeline.compiled_runs import FOLDER
from dagster_drips.pipeline.dbt_package import copied_without
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

MARKER = ".drips-demo"
_STATUS = re.compile(rb"^status\s*:", re.MULTILINE)
_DRAFT = re.compile(rb"^(status\s*:\s*)draft\b", re.MULTILINE)
_MARKER_TEXT = "Made by `drips demo`, which deletes and remakes this whole folder. Keep nothing of your own in it.\n"
_LOCK = Path("data") / "run.lock"


@contextmanager
def demo_project(source: Project, folder: Path) -> Generator[Project]:
    """A fresh project in `folder` with `source`'s sequences, drafts made active, its models and no data, held against
    other runs.

    The folder is emptied first, and only if it was made by an earlier demo. Nothing of `source` is changed.

    Raises:
        DripsError: the folder is somebody's, lies over the project, can't be written, or another run is going on in it.
    """
    place = _checked(source, folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")
        with exclusive(place / _LOCK):
            compiled = _compiled(source.dbt_target) | _compiled(place / "dbt_project" / "target")
            _empty(place)
            _copy(source, place)
            _hand_on(compiled, place / "dbt_project")
            yield Project.at(place)
    except OSError as error:
        raise DripsError(
            f"the demo can't write here: {error.strerror or error}", file=error.filename or place
        ) from error


def _checked(source: Project, folder: Path) -> Path:
    place = folder.expanduser().resolve()
    own = (source.root, source.sequences, source.dbt, source.data)
    if place in (source.root, *source.root.parents) or any(part in (place, *place.parents) for part in own[1:]):
        raise DripsError(
            "the demo would lie over the project that it copies; give another folder with --dir", file=folder
        )
    if not place.exists():
        return place
    if not place.is_dir():
        raise DripsError("the demo needs a folder, and this is a file; give another one with --dir", file=folder)
    if any(place.iterdir()) and not (place / MARKER).is_file():
        raise DripsError("this folder is not empty and not a demo's; give another one with --dir", file=folder)
    return place


def _compiled(target: Path) -> dict[str, bytes]:
    """What dbt compiled for a project before: kept by its content, it is that of an equal one, too."""
    return {path.name: path.read_bytes() for path in (target / FOLDER).glob("[!.]*")}


def _hand_on(compiled: Mapping[str, bytes], dbt: Path) -> None:
    folder = dbt / "target" / FOLDER
    if compiled:
        folder.mkdir(parents=True)
    for name, content in compiled.items():
        (folder / name).write_bytes(content)


def _empty(place: Path) -> None:
    for path in place.iterdir():
        if path.name not in (MARKER, _LOCK.parts[0]):
            _remove(path)
    for path in (place / _LOCK.parts[0]).iterdir():
        if path.name != _LOCK.name:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def activate_drafts(sequences: Path) -> None:
    """Make every sequence in a copied folder active that is a draft; other texts stay as they are, byte for byte."""
    for file in sorted(sequences.glob("*/sequence.yml")):
        text = file.read_bytes()
        changed = _DRAFT.sub(rb"\1active", text)
        if not _STATUS.search(text):
            changed = b"status: active\n" + text  # without a status it is a draft
        file.write_bytes(changed)


def _copy(source: Project, place: Path) -> None:
    shutil.copytree(source.sequences, place / "sequences")
    activate_drafts(place / "sequences")
    shutil.copytree(source.dbt, place / "dbt_project", ignore=copied_without("target", "logs", ".user.yml"))
    for kind in LANDING_KINDS:
        (place / "data" / "landing" / kind).mkdir(parents=True)
