"""Which files lie in the landing folders, and what makes one file the same as another.

Names, order, format and content hash belong here; what is inside a file belongs to the readers. Nothing here opens the
warehouse, so a sensor may call it while a run holds the database.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

FORMATS = (
    *(".csv.gz", ".csv", ".tsv.gz", ".tsv"),
    *(".jsonl.gz", ".jsonl", ".ndjson.gz", ".ndjson", ".json.gz", ".json"),
    ".parquet",
)
FORMATS_TOLD = ".csv, .tsv, .jsonl, .ndjson, .json (each also .gz) or .parquet"
# Others' names for files that are not complete, and for what no one means to be read.
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~")
_HIDDEN = (".", "~")
# Folders of Hive's kind, as BigQuery, Spark and Athena write them.
_PARTITION = re.compile(r"([^=/]+)=([^/]*)")
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_MOST_FOLDERS = 8


class UnreadableFile(Exception):
    """A landing file that can't be read to its end: truncated, damaged, or not permitted."""


@dataclass(frozen=True)
class LandingFile:
    """One complete file in a landing folder, as a directory listing shows it."""

    kind: str
    name: str
    """The path below the kind's folder, mostly a bare name; bytes that are not UTF-8 are shown as `\\xff`."""
    location: Path
    format: str
    """One of `FORMATS`: the ending, in lower case, that decides the reader."""
    size: int
    """Bytes."""
    state: str
    """Size and times in words; another state means that the file was replaced, repaired or given other permissions."""
    written: str
    """The same without what permissions change: the state of the bytes."""
    leads_out: bool = False
    """A symbolic link to somewhere else than the landing folders: nothing of it is read."""

    @property
    def path(self) -> str:
        """The path below `data/landing`, as in `raw.loaded_files`: `events/0001.jsonl`."""
        return f"{self.kind}/{self.name}"

    @property
    def partitions(self) -> dict[str, str | None]:
        """What its folders say, by name: `dt=2026-01-31/event=signup/part-0.parquet` has a `dt` and an `event`."""
        found = (_PARTITION.fullmatch(folder) for folder in self.name.split("/")[:-1])
        return {match[1]: None if match[2] == _NULL_PARTITION else unquote(match[2]) for match in found if match}

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


@dataclass(frozen=True)
class IgnoredFile:
    """A file or folder in `data/landing` that nobody reads, though its name doesn't say that it shouldn't be read."""

    path: str
    """Below `data/landing`."""
    reason: str

    @property
    def is_stray(self) -> bool:
        """Whether it lies in no folder of a kind."""
        return self.path.split("/")[0] not in LANDING_KINDS

    def __str__(self) -> str:
        return f"data/landing/{self.path}: ignored: {self.reason}"


def landing_files(project: Project, kinds: Sequence[str] = LANDING_KINDS) -> list[LandingFile]:
    """All complete landing files in the order of loading: kinds as given, then names by code point.

    A file counts by the ending of its name, in any case; so do those in folders that are named like `dt=2026-01-31`.
    Temporary names, dotfiles and other folders don't count.
    """
    return [
        file
        for kind in kinds
        for file in sorted(
            (found for found in _in_folder(project, kind) if isinstance(found, LandingFile)),
            key=lambda file: file.name,
        )
    ]


def ignored_files(project: Project) -> list[IgnoredFile]:
    """What lies in `data/landing` and isn't read, by path.

    Not listed is what says by its name that it isn't meant: dotfiles, `_SUCCESS`, `1.csv.tmp`, `1.csv.part`.
    """
    found = [found for kind in LANDING_KINDS for found in _in_folder(project, kind) if isinstance(found, IgnoredFile)]
    return sorted([*found, *_beside_the_folders(project)], key=lambda file: file.path)


def pending_files(project: Project, known: Iterable[str], kinds: Sequence[str] = LANDING_KINDS) -> list[LandingFile]:
    """Landing files whose `path` is not in `known`, in the order of loading.

    For a sensor: it keeps the paths it has seen in its cursor and asks only for a listing. A damaged file stays pending
    until it is known by other means; `state` tells whether it changed.
    """
    seen = set(known)
    return [file for file in landing_files(project, kinds) if file.path not in seen]


def format_of(name: str) -> str | None:
    """The ending by which a name says how to read the file, one of `FORMATS`; None where it is none of them."""
    lower = name.lower()
    return next((ending for ending in FORMATS if lower.endswith(ending)), None)


def _in_folder(project: Project, kind: str, folders: tuple[str, ...] = ()) -> Iterator[LandingFile | IgnoredFile]:
    place = project.landing.joinpath(kind, *folders)
    try:
        with os.scandir(place) as entries:
            listed = list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield IgnoredFile("/".join((kind, *map(_shown, folders))), f"can't be listed: {error.strerror}")
        return
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            if _PARTITION.fullmatch(entry.name) and len(folders) < _MOST_FOLDERS:
                yield from _in_folder(project, kind, (*folders, entry.name))
            elif not _says_that_it_is_not_meant(entry.name, None):
                path = "/".join((kind, *map(_shown, folders), _shown(entry.name)))
                yield IgnoredFile(path, "a folder; only folders named like dt=2026-01-31 are looked into")
        elif found := _file(project, kind, folders, place, entry):
            yield found


def _file(
    project: Project, kind: str, folders: tuple[str, ...], place: Path, entry: os.DirEntry[str]
) -> LandingFile | IgnoredFile | None:
    name = "/".join(map(_shown, (*folders, entry.name)))
    ending = format_of(entry.name)
    if _says_that_it_is_not_meant(entry.name, ending):
        return None
    try:
        if not entry.is_file():
            return IgnoredFile(f"{kind}/{name}", "no file but a device, or a link to a folder or to nothing")
        if ending is None:
            return IgnoredFile(f"{kind}/{name}", f"not {FORMATS_TOLD}")
        status = entry.stat()
    except FileNotFoundError:
        return None
    written = f"size {status.st_size}, modified {status.st_mtime_ns}"
    state = f"{written}, changed {status.st_ctime_ns}"
    location = place / entry.name
    leads_out = entry.is_symlink() and not _is_at_home(location, project, kind)
    return LandingFile(kind, name, location, ending, status.st_size, state, written, leads_out)


def _is_at_home(location: Path, project: Project, kind: str) -> bool:
    # The folders themselves may lie elsewhere: who made them so runs the project.
    homes = (project.landing.resolve(), (project.landing / kind).resolve())
    return any(location.resolve().is_relative_to(home) for home in homes)


def _beside_the_folders(project: Project) -> Iterator[IgnoredFile]:
    try:
        with os.scandir(project.landing) as entries:
            names = [(entry.name, entry.is_dir()) for entry in entries]
    except OSError:
        return
    for name, is_folder in names:
        # `raw` keeps what the collector and the mailbox got, as it came.
        if name not in (*LANDING_KINDS, "raw") and not _says_that_it_is_not_meant(name, None):
            what = "a folder of no kind" if is_folder else "in no folder of a kind"
            yield IgnoredFile(_shown(name), f"{what}: {', '.join(LANDING_KINDS)}")


def _says_that_it_is_not_meant(name: str, ending: str | None) -> bool:
    if name.startswith(_HIDDEN) or name.lower().endswith(_UNFINISHED):
        return True
    return ending is None and name.startswith("_")


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
