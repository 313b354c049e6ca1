"""Which files lie in the landing folders, and what makes one file the same as another.

Names, order, format and content hash belong here; what is inside a file belongs to the readers, how folders are read to
`folders`, and how files lie in a pack to `packs`. Nothing here opens the warehouse, so a sensor may call it while a run
holds the database.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dagster_drips.landing.folders import entries_of
from dagster_drips.landing.packs import PACKED, DamagedPack, Member, members_of, packs
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


@dataclass(frozen=True, slots=True)
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
    member: Member | None = None
    """Where it lies within the pack `location`; None: it is a file of its own."""

    @property
    def path(self) -> str:
        """The path below `data/landing`, as in `raw.loaded_files`: `events/0001.jsonl`."""
        return f"{self.kind}/{self.name}"

    @property
    def partitions(self) -> dict[str, str | None]:
        """What its folders say, by name: `dt=2026-01-31/event=signup/part-0.parquet` has a `dt` and an `event`."""
        found = (_PARTITION.fullmatch(folder) for folder in self.name.split("/")[:-1])
        return {match[1]: None if match[2] == _NULL_PARTITION else unquote(match[2]) for match in found if match}

    @property
    def noted_sha256(self) -> str:
        """What its pack says of its bytes; nothing where it is a file of its own."""
        return self.member.sha256 if self.member else ""

    @contextmanager
    def opened(self) -> Generator[io.BufferedReader | io.BytesIO]:
        """Its bytes, as they lie on disk or as they did before it was packed.

        Raises:
            OSError: it can't be read.
            UnreadableFile: its pack is damaged.
        """
        if self.member is None:
            with self.location.open("rb") as stream:
                yield stream
            return
        try:
            yield self.member.opened()
        except DamagedPack as error:
            raise UnreadableFile(str(error)) from error

    def sha256(self) -> str:
        """Hash of its bytes, in hex.

        Raises:
            UnreadableFile: the file can't be read, or must not be.
        """
        if self.leads_out:
            raise UnreadableFile("a symbolic link that leads out of data/landing; put the file itself there")
        try:
            with self.opened() as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableFile(error.strerror or str(error)) from error


@dataclass(frozen=True)
class LooseFiles:
    """The files of one kind's folder, without what is packed, by name: nothing was asked of a single one.

    Args:
        project: whose.
        kind: of which folder.
        names: below the folder, in no order.
        odd: those of them that were looked at by then: links, and names that are not UTF-8.
    """

    project: Project
    kind: str
    names: list[str]
    odd: dict[str, LandingFile]

    def file(self, name: str) -> LandingFile | None:
        """One of them as it lies there now; None: it is gone."""
        known = self.odd.get(name)
        if known is not None:
            return known
        *folders, last = name.split("/")
        found = _file(self.project, self.kind, tuple(folders), last)
        return found if isinstance(found, LandingFile) else None

    def written(self, name: str) -> str | None:
        """The state of its bytes, as `LandingFile.written`; None: it is gone."""
        known = self.odd.get(name)
        if known is not None:
            return known.written
        try:
            return _written(os.stat(f"{self._place}/{name}"))  # noqa: PTH116 - a Path takes as long again
        except OSError:
            return None

    @property
    def _place(self) -> str:
        return f"{self.project.landing}/{self.kind}"

    def files(self) -> Iterator[LandingFile]:
        """All of them."""
        return (file for name in self.names if (file := self.file(name)) is not None)


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


def landing_files(project: Project, kinds: Sequence[str] = LANDING_KINDS, *, copies: bool = False) -> list[LandingFile]:
    """All complete landing files in the order of loading: kinds as given, then names by code point.

    A file counts by the ending of its name, in any case; so do those in folders that are named like `dt=2026-01-31`.
    Temporary names, dotfiles and other folders don't count. What was packed is listed under the names it had; of a file
    that lies there packed and by itself, as a compaction that was killed leaves it, the packed one is.

    Args:
        project: whose.
        kinds: which folders.
        copies: list both of such a file.
    """
    listed = []
    for kind in kinds:
        packed = [file for pack in packs(project, kind) for file in packed_files(kind, pack)]
        found = [*packed, *loose_files(project, kind).files()]
        if not copies:
            found = {file.name: file for file in reversed(found)}.values()
        listed += sorted(found, key=lambda file: file.name)
    return listed


def loose_files(project: Project, kind: str) -> LooseFiles:
    """What lies in the folder of a kind; for 200,000 files a tenth of what `landing_files` takes."""
    names: list[str] = []
    odd: dict[str, LandingFile] = {}
    for folders, found in _folders(project, kind):
        if isinstance(found, IgnoredFile):
            continue
        files, others = found
        if any(_shown(folder) != folder for folder in folders):
            files, others = (), (*files, *others)
        names += ["/".join((*folders, name)) for name in files] if folders else files
        for name in others:
            file = _file(project, kind, folders, name)
            if isinstance(file, LandingFile):
                odd[file.name] = file
    return LooseFiles(project, kind, [*names, *odd], odd)


def again(project: Project, file: LandingFile) -> LandingFile | None:
    """A file that is no pack's as it lies there now; None: it is gone."""
    return LooseFiles(project, file.kind, [], {}).file(file.name)


def packed_files(kind: str, pack: Path) -> list[LandingFile]:
    """The files in a pack; none where it is damaged, as the journal knows what should be in it.

    Their `state` and `written` are the sha256 that was noted as they were packed: bytes of others were never there.
    """
    try:
        members = members_of(pack)
    except (DamagedPack, OSError):
        return []
    return [
        LandingFile(
            kind, one.name, pack, format_of(one.name) or "", one.size, one.sha256, f"sha256 {one.sha256}", member=one
        )
        for one in members
    ]


def ignored_files(project: Project) -> list[IgnoredFile]:
    """What lies in `data/landing` and isn't read, by path.

    Not listed is what says by its name that it isn't meant: dotfiles, `_SUCCESS`, `1.csv.tmp`, `1.csv.part`.
    """
    ignored = list(_beside_the_folders(project))
    for kind in LANDING_KINDS:
        for folders, found in _folders(project, kind):
            if isinstance(found, IgnoredFile):
                ignored.append(found)
                continue
            others = (_file(project, kind, folders, name) for name in found[1])
            ignored += [file for file in others if isinstance(file, IgnoredFile)]
        ignored += [
            IgnoredFile(str(pack.relative_to(project.landing)), reason)
            for pack in packs(project, kind)
            if (reason := _damage(pack))
        ]
    return sorted(ignored, key=lambda file: file.path)


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


_Names = tuple[Sequence[str], Sequence[str]]
"""Of one folder: plain files, and what has to be looked at one by one."""


def _folders(
    project: Project, kind: str, folders: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], _Names | IgnoredFile]]:
    place = project.landing.joinpath(kind, *folders)
    try:
        found = entries_of(place, FORMATS, "".join((*_HIDDEN, "_")))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        path = "/".join((kind, *map(_shown, folders)))
        yield folders, IgnoredFile(path, f"can't be listed: {error.strerror}")
        return
    yield folders, (found.files, found.others)
    for name in found.folders:
        if _PARTITION.fullmatch(name) and len(folders) < _MOST_FOLDERS:
            yield from _folders(project, kind, (*folders, name))
        elif not _says_that_it_is_not_meant(name, None):
            path = "/".join((kind, *map(_shown, folders), _shown(name)))
            yield folders, IgnoredFile(path, "a folder; only folders named like dt=2026-01-31 are looked into")


def _file(project: Project, kind: str, folders: tuple[str, ...], given: str) -> LandingFile | IgnoredFile | None:
    name = "/".join(map(_shown, (*folders, given)))
    ending = format_of(given)
    if _says_that_it_is_not_meant(given, ending):
        return None
    location = project.landing.joinpath(kind, *folders, given)
    try:
        status = location.lstat()
        is_link = stat.S_ISLNK(status.st_mode)
        if is_link:
            status = _behind(location)
        if status is None or not stat.S_ISREG(status.st_mode):
            return IgnoredFile(f"{kind}/{name}", "no file but a device, or a link to a folder or to nothing")
    except FileNotFoundError:
        return None
    if ending is None:
        return IgnoredFile(f"{kind}/{name}", f"not {FORMATS_TOLD}")
    written = _written(status)
    state = f"{written}, changed {status.st_ctime_ns}"
    leads_out = is_link and not _is_at_home(location, project, kind)
    return LandingFile(kind, name, location, ending, status.st_size, state, written, leads_out)


def _written(status: os.stat_result) -> str:
    return f"size {status.st_size}, modified {status.st_mtime_ns}"


def _behind(link: Path) -> os.stat_result | None:
    try:
        return link.stat()
    except OSError:
        return None


def _damage(pack: Path) -> str | None:
    try:
        members_of(pack)
    except (DamagedPack, OSError) as error:
        return f"a damaged pack, put it back from a backup: {error}"
    return None


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
        # `raw` keeps what the collector and the mailbox got, as it came, and packs have a folder of their own.
        if name not in (*LANDING_KINDS, PACKED, "raw") and not _says_that_it_is_not_meant(name, None):
            what = "a folder of no kind" if is_folder else "in no folder of a kind"
            yield IgnoredFile(_shown(name), f"{what}: {', '.join(LANDING_KINDS)}")


def _says_that_it_is_not_meant(name: str, ending: str | None) -> bool:
    if name.startswith(_HIDDEN) or name.lower().endswith(_UNFINISHED):
        return True
    return ending is None and name.startswith("_")


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
