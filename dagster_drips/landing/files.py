"""Which files lie in the landing folders, and what makes one file the same as another.

Names, order, format and content hash belong here; what is inside a file belongs to the readers. Nothing here opens the
warehouse, so a sensor may call it while a run holds the database.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.project import LANDING_KINDS, Project

FORMATS = (".csv.gz", ".csv", ".jsonl.gz", ".jsonl", ".parquet")


class UnreadableFile(Exception):
    """A landing file that can't be read to its end: truncated, damaged, or not permitted."""


@dataclass(frozen=True)
class LandingFile:
    """One complete file in a landing folder, as a directory listing shows it."""

    kind: str
    name: str
    """The file's name; bytes that are not UTF-8 are shown as `\\xff`."""
    location: Path
    format: str
    """One of `FORMATS`: the ending that decides the reader."""
    size: int
    """Bytes."""
    state: str
    """Size and times in words; another state means that the file was replaced, mended or given other permissions."""
    leads_out: bool = False
    """A symbolic link to somewhere else than the landing folders: nothing of it is read."""

    @property
    def path(self) -> str:
        """The path below `data/landing`, as in `raw.loaded_files`: `events/0001.jsonl`."""
        return f"{self.kind}/{self.name}"

    def sha256(self) -> str:
        """Hash of the bytes as they lie on disk, in hex.

        Raises:
            UnreadableFile: the file can't be read, or must not be.
        """
        if self.leads_out:
            raise UnreadableFile("a symbolic link that leads out of data/landing; put the file itself there")
        try:
            with self.location.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableFile(error.strerror or str(error)) from error


def landing_files(project: Project, kinds: Sequence[str] = LANDING_KINDS) -> list[LandingFile]:
    """All complete landing files in the order of loading: kinds as given, then names by code point.

    A file counts by the ending of its name, in exactly that case; temporary names, dotfiles and folders don't count.
    """
    return [file for kind in kinds for file in sorted(_in_folder(project, kind), key=lambda file: file.name)]


def pending_files(project: Project, known: Iterable[str], kinds: Sequence[str] = LANDING_KINDS) -> list[LandingFile]:
    """Landing files whose `path` is not in `known`, in the order of loading.

    For a sensor: it keeps the paths it has seen in its cursor and asks only for a listing. A damaged file stays pending
    until it is known by other means; `state` tells whether it changed.
    """
    seen = set(known)
    return [file for file in landing_files(project, kinds) if file.path not in seen]


def format_of(name: str) -> str | None:
    """The ending by which a name says how to read the file; None where it isn't one of `FORMATS`."""
    return next((ending for ending in FORMATS if name.endswith(ending)), None)


def _in_folder(project: Project, kind: str) -> list[LandingFile]:
    folder = project.landing / kind
    if not folder.is_dir():
        return []
    found = []
    # The folders themselves may lie elsewhere: who made them so runs the project.
    homes = (project.landing.resolve(), folder.resolve())
    with os.scandir(folder) as entries:
        for entry in entries:
            ending = format_of(entry.name)
            if ending is None or entry.name.startswith(".") or not entry.is_file():
                continue
            status = entry.stat()
            name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
            state = f"size {status.st_size}, modified {status.st_mtime_ns}, changed {status.st_ctime_ns}"
            location = folder / entry.name
            leads_out = entry.is_symlink() and not any(location.resolve().is_relative_to(home) for home in homes)
            found.append(LandingFile(kind, name, location, ending, status.st_size, state, leads_out))
    return found
