"""Packs: many small landed files of one day in one zip file, each as it was, byte for byte.

Here belongs what a pack looks like, reading it and writing it; which files go into one, and when, is `compaction`'s. A
zip file, so that anybody can look into it and take it apart; its directory has the sha256 of each file as its comment.
Nothing here knows what is in the files.
"""

from __future__ import annotations

import calendar
import hashlib
import io
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dagster_drips.files import sync
from dagster_drips.project import Project

PACKED = "packed"
"""The folder below `data/landing` that packs lie in, with one for each kind."""
SCRATCH = ".packing."
"""Begins the name of a pack while it is written."""
MEMBER_BYTES = 16 << 20
"""A file in a pack is no larger; it is read at once."""

_NAME = re.compile(r"\d{4}-\d{2}-\d{2}-\d+\.zip")
_SHA256 = re.compile(rb"[0-9a-f]{64}")
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_RAW_DEFLATE = -15
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)


class DamagedPack(Exception):
    """A pack that can't be read, or a file in it that is not what was put into it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a pack, as the pack's directory has it.

    Args:
        pack: the pack.
        name: the path below its kind's folder that it had.
        size: bytes of the file, unpacked.
        sha256: of these bytes, as they were packed.
        offset: where it begins in the pack.
        packed_size: bytes that it takes there.
        is_deflated: else it is stored as it is.
    """

    pack: Path
    name: str
    size: int
    sha256: str
    offset: int
    packed_size: int
    is_deflated: bool

    def opened(self) -> io.BytesIO:
        """Its bytes.

        Raises:
            OSError: the pack can't be read.
            DamagedPack: they are not what was packed.
        """
        with self.pack.open("rb") as stream:
            stream.seek(self.offset)
            try:
                sign, name, extra = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
                stream.seek(name + extra, io.SEEK_CUR)
                data = stream.read(self.packed_size)
                if self.is_deflated:
                    data = zlib.decompressobj(_RAW_DEFLATE).decompress(data, self.size + 1)
            except (struct.error, zlib.error) as error:
                raise self._damaged() from error
        if sign != b"PK\x03\x04" or hashlib.sha256(data).hexdigest() != self.sha256:
            raise self._damaged()
        return io.BytesIO(data)

    def _damaged(self) -> DamagedPack:
        return DamagedPack(f"{self.name} in this pack is damaged")


def packs(project: Project, kind: str) -> list[Path]:
    """The packs of a kind, by name: `2026-03-28-1.zip` has files that were loaded on that day (UTC)."""
    folder = project.landing / PACKED / kind
    try:
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and not path.is_symlink())
    except (FileNotFoundError, NotADirectoryError):
        return []


def state_of(pack: Path) -> str:
    """Size and time in words; another state means that it may hold something else."""
    status = pack.stat()
    return f"size {status.st_size}, modified {status.st_mtime_ns}"


def members_of(pack: Path) -> list[Member]:
    """What is in a pack, by its directory.

    Raises:
        OSError: it can't be read.
        DamagedPack: it is none of ours, or was cut.
    """
    status = pack.stat()
    return _members(pack, (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


@lru_cache(maxsize=16)
def _members(pack: Path, state: tuple[int, ...]) -> list[Member]:
    try:
        with zipfile.ZipFile(pack) as archive:
            return [_member(pack, info) for info in archive.infolist()]
    # `NotImplementedError` is what zipfile says of a compression or version that it does not know.
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise DamagedPack(" ".join(str(error).split()) or type(error).__name__) from error


def _member(pack: Path, info: zipfile.ZipInfo) -> Member:
    is_deflated = info.compress_type == zipfile.ZIP_DEFLATED
    if not _SHA256.fullmatch(info.comment) or not (is_deflated or info.compress_type == zipfile.ZIP_STORED):
        raise DamagedPack(f"{info.filename} was not packed by `drips compact`")
    if max(info.file_size, info.compress_size) > 2 * MEMBER_BYTES:
        raise DamagedPack(f"{info.filename} is larger than anything that is packed")
    sha256 = info.comment.decode("ascii")
    return Member(pack, info.filename, info.file_size, sha256, info.header_offset, info.compress_size, is_deflated)


def write_pack(target: Path, files: Iterable[tuple[str, bytes, int]]) -> None:
    """Write a pack, whole and on disk for good when this returns.

    Args:
        target: the new file.
        files: name, bytes and time of change (seconds since 1970) of each.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, modified in files:
            info = zipfile.ZipInfo(name, max(time.gmtime(modified)[:6], _FIRST_DATE))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            info.comment = hashlib.sha256(data).hexdigest().encode("ascii")
            archive.writestr(info, data)
    sync(target)


def write_changed(pack: Path, changed: dict[str, bytes], target: Path) -> None:
    """Write a pack in which some files have other bytes, the rest as it was.

    Raises:
        OSError: the pack can't be read.
        DamagedPack: it, or a file that stays, is damaged.
    """
    with zipfile.ZipFile(pack) as archive:
        times = {info.filename: info.date_time for info in archive.infolist()}
    write_pack(target, (_kept(one, changed, times[one.name]) for one in members_of(pack)))


def _kept(one: Member, changed: dict[str, bytes], date: tuple[int, ...]) -> tuple[str, bytes, int]:
    data = changed[one.name] if one.name in changed else one.opened().read()
    return one.name, data, calendar.timegm((*date, 0, 0, 0))
