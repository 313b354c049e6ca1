"""The place that a journal was written on: a copy of the project's folder must not mail the same people again.

`data/place` holds an id, and the journal knows it together with the inodes of the folders that it lies in: a folder
that was copied, restored or cloned into another file system has others. Here belongs telling whether a project is
where its journal was written, and saying that it has moved. What does not: who is mailed (SQL).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path

import msgspec

from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.project import Project

ID_FILE = "place"
"""In `data/`: left out of copies that are only to be looked at."""
_KNOWN_FILE = "place.json"


class Adoption(msgspec.Struct, frozen=True):
    """Somebody said that the project has moved: when (UTC), and from which place."""

    at: str
    before: str


class KnownPlace(msgspec.Struct, frozen=True):
    """What the journal knows: the place's id, and the inodes of `data/` and `data/journal/`."""

    id: str
    inodes: tuple[int, int]
    adoptions: tuple[Adoption, ...] = ()


def mark_place(project: Project) -> None:
    """Note where the journal is written; nothing where it is known already."""
    if not (project.journal / _KNOWN_FILE).exists():
        _write(project, ())


def misplaced(project: Project) -> str | None:
    """Why this is not the place of the journal; None where it is, or where there is no journal yet.

    Raises:
        DripsError: what the journal knows of it can't be read.
    """
    known = _known(project)
    if known is None:
        return None
    if _id_here(project) != known.id:
        return f"data/{ID_FILE} is not that of its journal"
    if _inodes(project) != known.inodes:
        return "its data/ is another folder than the one that its journal was written in"
    return None


def require_place(project: Project) -> None:
    """Nothing where the project is the one that its journal was written in.

    Raises:
        DripsError: it is a copy, or it has moved and nobody has said so.
    """
    if reason := misplaced(project):
        raise DripsError(
            f"nothing is sent: {reason}. A copy must not mail people again; if the project has moved here for good,"
            " and the other one sends no more, say `drips adopt`",
            file=project.root,
        )


def adopt(project: Project, *, now: datetime) -> bool:
    """Take this for the journal's place from now on; whether it was not before.

    Args:
        project: that has moved.
        now: naive UTC, to be kept with it.

    Raises:
        DripsError: there is no journal, or it can't be written.
    """
    if not project.journal.is_dir():
        raise DripsError("there is no journal yet; the first `drips run` makes it", file=project.journal)
    if misplaced(project) is None:
        mark_place(project)
        return False
    known = _known(project)
    before = (*known.adoptions, Adoption(format_instant(now), known.id)) if known else ()
    _write(project, before)
    return True


def _write(project: Project, adoptions: tuple[Adoption, ...]) -> None:
    project.journal.mkdir(parents=True, exist_ok=True)
    known = KnownPlace(uuid.uuid4().hex, _inodes(project), adoptions)
    try:
        # In this order: what a crash leaves of it is a place that wants to be adopted, or a journal without one.
        atomic_write(project.data / ID_FILE, f"{known.id}\n".encode())
        atomic_write(project.journal / _KNOWN_FILE, msgspec.json.encode(known))
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=project.data) from error


def _known(project: Project) -> KnownPlace | None:
    file = project.journal / _KNOWN_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=KnownPlace)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise DripsError(f"can't be read: {error}; `drips adopt` after removing it", file=file) from error


def _id_here(project: Project) -> str:
    file = project.data / ID_FILE
    return file.read_text(encoding="utf-8", errors="replace").strip() if file.is_file() else ""


def _inodes(project: Project) -> tuple[int, int]:
    def inode(folder: Path) -> int:
        return folder.stat().st_ino

    return inode(project.data), inode(project.journal)
