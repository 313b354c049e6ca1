"""The whole project looked through for a person: every file below it, packed ones unpacked, databases row by row.

For the end of an erasure, to say what it could not reach. What bytes name a person is in `traces`; nothing is changed
here.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import duckdb
import msgspec
import polars as pl

from dagster_drips.errors import DripsError
from dagster_drips.privacy.person import Person
from dagster_drips.privacy.traces import Traces
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("search.sql"))

# Not the project's data: its history, its environment, caches of tools. `.env` holds secrets and nobody's name.
_NOT_SEARCHED = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", ".ruff_cache", ".pytest_cache"})
_SETTINGS = ".env"
_BLOCK = 8 << 20
_LONGEST_LINE = 16 << 20
_OVERLAP = 1 << 10
_ROWS = 20_000
_UNPACKED: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_CANT_UNPACK = (".zst", ".7z", ".rar", ".lz4", ".snappy", ".br", ".orc", ".avro")
_BINARY = (".parquet", ".duckdb", ".wal", ".db", ".sqlite", ".msgpack", ".pyc", ".so", ".png", ".jpg", ".gif", ".pdf")


@dataclass
class Found:
    """What was found; paths are below the project's root.

    Args:
        remaining: files in which the person is still named.
        unread: files that could not be looked into, with the reason behind the path.
        not_searched: folders that were left out.
    """

    remaining: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    not_searched: list[str] = field(default_factory=list)


def search(project: Project, person: Person) -> Found:
    """Look for a person in every file below the project's root; links to other places are followed for data only."""
    traces, found = Traces(person), Found()
    for path in _files(project, found):
        name = str(path.relative_to(project.root)) if path.is_relative_to(project.root) else str(path)
        try:
            if _is_named_in(path, traces):
                found.remaining.append(name)
        except FileNotFoundError:
            continue
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, DripsError) as error:
            found.unread.append(f"{name}: {_reason(error)}")
        except (
            duckdb.Error,
            pl.exceptions.PolarsError,
            sqlite3.Error,
            zipfile.BadZipFile,
            NotImplementedError,  # of zipfile: a compression that it does not know
        ) as error:
            found.unread.append(f"{name}: {_reason(error)}")
    return found


def _files(project: Project, found: Found) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    places = [project.root, *(place for place in (project.data, *_data_folders(project)) if place.is_symlink())]
    for place in places:
        for folder, folders, names in os.walk(place, onerror=lambda error: found.unread.append(str(error))):
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            left_out = sorted(set(folders) & _NOT_SEARCHED)
            found.not_searched += [os.path.relpath(Path(folder) / name, project.root) for name in left_out]
            folders[:] = sorted(set(folders) - _NOT_SEARCHED)
            for name in sorted(names):
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink() and name != _SETTINGS:
                    yield path


def _data_folders(project: Project) -> list[Path]:
    landing = project.landing
    return [
        landing,
        project.journal,
        project.published,
        project.outbox,
        *(landing.iterdir() if landing.is_dir() else ()),
    ]


def _is_named_in(path: Path, traces: Traces) -> bool:
    suffix = path.suffix.lower()
    if suffix in _CANT_UNPACK:
        raise ValueError(f"packed as {suffix}")
    with path.open("rb") as stream:
        head = stream.read(16)
    if _in_bytes(path, traces, unpack=_UNPACKED.get(suffix) if head else None, encoded=suffix not in _BINARY):
        return True
    if head[:4] == b"PAR1":
        return _in_parquet(path, traces)
    if head[8:12] == b"DUCK":
        return _in_duckdb(path, traces)
    if head.startswith(b"SQLite format 3"):
        return _in_sqlite(path, traces)
    if head[:4] == b"PK\x03\x04":
        return _in_zip(path, traces)
    return False


def _in_bytes(path: Path, traces: Traces, *, unpack: Callable[[Path], Any] | None, encoded: bool) -> bool:
    with unpack(path) if unpack else path.open("rb") as stream:
        return _in_stream(stream, traces, encoded=encoded)


def _in_stream(stream: IO[bytes], traces: Traces, *, encoded: bool) -> bool:
    """By whole lines, as encodings end with a line; with what stood before, as a name may go over two of them."""
    before = b""
    while lines := _some_lines(stream):
        if traces.found_in(before + lines, encoded=encoded):
            return True
        before = lines[-_OVERLAP:]
    return False


def _some_lines(stream: IO[bytes]) -> bytes:
    lines: list[bytes] = []
    size = 0
    while size < _BLOCK and (line := stream.readline(_LONGEST_LINE)):
        lines.append(line)
        size += len(line)
    return b"".join(lines)


def _in_parquet(path: Path, traces: Traces) -> bool:
    frame = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    rows = frame.select(pl.len()).collect().item()
    return any(_in_frame(frame.slice(start, _ROWS).collect(), traces) for start in range(0, rows, _ROWS))


def _in_frame(frame: pl.DataFrame, traces: Traces) -> bool:
    return any(traces.found_in(msgspec.json.encode(row, enc_hook=str)) for row in frame.iter_rows(named=True))


def _in_duckdb(path: Path, traces: Traces) -> bool:
    with open_warehouse(path, read_only=True) as database:
        tables = database.rows(_STATEMENTS["tables"])
        for table in tables:
            name = ".".join(quoted_name(part) for part in table.values())
            for rows in database.batches(f"select * from {name}", size=_ROWS):
                if traces.found_in(msgspec.json.encode(rows, enc_hook=str)):
                    return True
    return False


def _in_sqlite(path: Path, traces: Traces) -> bool:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f"select * from {quoted_name(table)}"):
                text = b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
                if traces.found_in(text):
                    return True
    return False


def _in_zip(path: Path, traces: Traces) -> bool:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                is_packed = member.filename.lower().endswith(".gz")
                with archive.open(member) as stream, gzip.open(stream) if is_packed else nullcontext(stream) as content:
                    if _in_stream(content, traces, encoded=True):  # ty: ignore[invalid-argument-type]
                        return True
    return False


def _reason(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join((words or type(error).__name__).split())[:200]
