"""Small landed files of closed days into packs, one pack or more for each kind and day.

Here belong which files are packed and in which order things happen on disk; how a pack is written is said in `packs`. A
pack is whole under its name, or not there, and it is its own journal: killed at any moment a compaction leaves the
files, or the pack, or the pack and some of the files, and the next one ends what was begun. Who calls this holds the
run lock.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from dagster_drips.errors import DripsError
from dagster_drips.files import sync
from dagster_drips.landing.files import LandingFile, again, format_of, loose_files
from dagster_drips.landing.known_files import KnownFiles
from dagster_drips.landing.packs import (
    MEMBER_BYTES,
    PACKED,
    SCRATCH,
    DamagedPack,
    Member,
    members_of,
    packs,
    write_pack,
)
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse.port import Warehouse

Which = Literal["own", "all", "off"]
"""`own`: what this project's own processes wrote; `all`: what others landed, too; `off`: nothing (DRIPS_COMPACT)."""

# As `writer.staged_file` names them.
_OWN = re.compile(r"collected-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.jsonl")
_PACK_BYTES = 64 << 20
# A run waits for one pack, some seconds.
_PACK_FILES = 10_000
_WORTH_A_PACK = 2


@dataclass(frozen=True)
class Loaded:
    """A file that was loaded on a closed day, by a tick that is in the journal.

    Args:
        kind: of which folder.
        name: below it.
        sha256: of the bytes that were loaded.
        day: on which (UTC).
    """

    kind: str
    name: str
    sha256: str
    day: date


@dataclass(frozen=True)
class CompactReport:
    """What was done: files that are in packs now, and packs that were made."""

    files: int = 0
    packs: int = 0

    def __add__(self, other: CompactReport) -> CompactReport:
        return CompactReport(self.files + other.files, self.packs + other.packs)


def closed_files(project: Project, warehouse: Warehouse, which: Which, today: datetime) -> list[Loaded]:
    """What lies there by itself, was loaded on days before this one, and is in the journal.

    Args:
        project: whose.
        warehouse: its own, open for writing.
        which: whose files.
        today: midnight, UTC.
    """
    found = []
    for kind in LANDING_KINDS:
        names = [name for name in loose_files(project, kind).names if _may_be_packed(name, which)]
        rows = KnownFiles(warehouse, kind).loaded_before(names, today)
        found += [Loaded(kind, row["name"], row["sha256"], row["day"]) for row in rows]
    return found


def pack_files(project: Project, loaded: Sequence[Loaded], at_most: int | None = None) -> CompactReport:
    """Pack those of these files that lie in the landing folders, day by day.

    Left alone are files of more than 16 MiB, links and what they lead to, and whatever has other bytes than were
    loaded.

    Args:
        project: whose; its run lock is held.
        loaded: as `closed_files` has them.
        at_most: stop when about so many are packed.

    Raises:
        OSError: the disk is full or can't be written; nothing is lost, and a part may be done.
        DripsError: a pack reads otherwise than it was written; the files stay.
    """
    by_day: dict[tuple[str, date], list[Loaded]] = defaultdict(list)
    lying = {kind: loose_files(project, kind) for kind in LANDING_KINDS}
    plain = {kind: {*files.names} - files.odd.keys() for kind, files in lying.items()}
    linked = {file.location.resolve() for files in lying.values() for file in files.odd.values()}
    for one in loaded:
        place = project.landing / one.kind / one.name
        if one.name in plain[one.kind] and (not linked or place.resolve() not in linked):
            by_day[one.kind, one.day].append(one)
    report = CompactReport()
    for (kind, day), files in sorted(by_day.items()):
        found = [(file, one.sha256) for one in files if (file := lying[kind].file(one.name))]
        report += _without_what_is_packed(project, kind, day, found)
        for some in _portions([(file, sha256) for file, sha256 in found if file.location.exists()]):
            if at_most is not None and report.files >= at_most:
                return report
            report += _packed(project, kind, day, some)
    return report


def _may_be_packed(name: str, which: Which) -> bool:
    return (which == "all" and format_of(name) != ".parquet") or _OWN.fullmatch(name) is not None


def _without_what_is_packed(
    project: Project, kind: str, day: date, files: list[tuple[LandingFile, str]]
) -> CompactReport:
    """Remove files that a compaction had packed when it was killed, or that came back from a backup."""
    packed = {
        (member.name, member.sha256): member
        for pack in packs(project, kind)
        if pack.name.startswith(f"{day}-")
        for member in _members(pack)
    }
    done = []
    for file, sha256 in files:
        member = packed.get((file.name, sha256))
        if member is not None and _is_whole(member) and _bytes_of(file, sha256) is not None:
            done.append(file)
    _remove(project, done)
    return CompactReport(len(done))


def _members(pack: Path) -> list[Member]:
    try:
        return members_of(pack)
    except DamagedPack:
        return []


def _is_whole(member: Member) -> bool:
    try:
        member.opened()
    except DamagedPack:
        return False
    return True


def _portions(files: list[tuple[LandingFile, str]]) -> Iterator[list[tuple[LandingFile, str]]]:
    some: list[tuple[LandingFile, str]] = []
    size = 0
    for file, sha256 in sorted(files, key=lambda pair: pair[0].name):
        if file.size > MEMBER_BYTES:
            continue
        if some and (size + file.size > _PACK_BYTES or len(some) >= _PACK_FILES):
            yield some
            some, size = [], 0
        some.append((file, sha256))
        size += file.size
    if len(some) >= _WORTH_A_PACK:
        yield some


def _packed(project: Project, kind: str, day: date, files: list[tuple[LandingFile, str]]) -> CompactReport:
    folder = _folder_of_packs(project, kind)
    scratch = folder / f"{SCRATCH}{day}"
    taken: list[LandingFile] = []

    def contents() -> Iterator[tuple[str, bytes, int]]:
        for file, sha256 in files:
            data = _bytes_of(file, sha256)
            if data is not None:
                taken.append(file)
                yield file.name, data, int(file.location.stat().st_mtime)

    write_pack(scratch, contents())
    if not taken:
        scratch.unlink()
        return CompactReport()
    # Read once more, as the originals go.
    if not all(map(_is_whole, members_of(scratch))):
        raise DripsError("what was written there can't be read back: look at the disk", file=scratch)
    number = 1
    while (pack := folder / f"{day}-{number}.zip").exists():
        number += 1
    scratch.rename(pack)
    sync(folder)
    _remove(project, taken)
    return CompactReport(len(taken), 1)


def _folder_of_packs(project: Project, kind: str) -> Path:
    folder = project.landing / PACKED / kind
    if not folder.is_dir():
        folder.mkdir(parents=True)
        sync(folder.parent)
        sync(project.landing)
    return folder


def _bytes_of(file: LandingFile, sha256: str) -> bytes | None:
    """None: it isn't what was loaded, or can't be read; ticks tell of that."""
    try:
        data = file.location.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def _remove(project: Project, files: Sequence[LandingFile]) -> None:
    """Delete files that are packed, for good; one that somebody has put something else in the place of stays."""
    folders = set()
    for file in files:
        lying = again(project, file)
        if lying is not None and lying.state == file.state:
            file.location.unlink()
            folders.add(file.location.parent)
    for folder in sorted(folders):
        sync(folder)
