"""Every temporary that this project's processes make: where it lies, what its name looks like, when its owner is dead.

A process that is killed leaves its temporaries behind, and people's data in them. All kinds are listed here, so that
the next start of anything clears them and an erasure overlooks none. Whoever makes a new kind adds it to `KINDS`. One
kind is completed instead of deleted: landing files that a collector had promised to keep (`landing.writer.recovery`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dagster_drips.landing.writer.recovery import complete_staged_files, staged_files
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

RUN_LOCK = "run.lock"
"""In the data folder: held by whoever runs the pipeline, one process at a time."""
REPLAY_PREFIX = "drips-replay-"
"""Folders of throw-away warehouses, outside of any project."""
COUNTS_PREFIX = "drips-counts-"
"""Folders in which the workers of a collector count."""
OWNER_LOCK = "owner.lock"
"""In such a folder: locked as long as its owner lives."""

_LANDING = tuple(f"data/landing/{kind}" for kind in LANDING_KINDS)
_RAW = "data/landing/raw/*"
_LATEST_DAYS = 7


@dataclass(frozen=True)
class Kind:
    """One kind of temporary.

    Args:
        what: for people.
        folders: patterns of the folders it lies in, from the project's root.
        name: of the whole file's or folder's name.
        owner: `lock`: a living owner holds a lock on the file itself; `run`: only who holds the project's run lock
            makes it; `send`: as `run`, but others may use it while nobody holds the lock, so that an erasure looks for
            it and else the next send; `replaced`: as `run`, anywhere below these folders, and looked for only while an
            erasure has not ended.
    """

    what: str
    folders: tuple[str, ...]
    name: re.Pattern[str]
    owner: Literal["lock", "run", "send", "replaced"]


KINDS = (
    # files.atomic_write
    Kind(
        "small files while they are written",
        (
            *("data/journal", "data/journal/inbox", "data/journal/files", "data/journal/reports"),
            "data/landing/suppressions",
            *("dbt_project/macros/generated", "data"),
            *("data/dbt/macros/generated", "data/dbt/target"),
        ),
        re.compile(r"\..+\.\d+"),
        "lock",
    ),
    # delivery.delivery_journal
    Kind(
        "delivery journals that were not begun",
        ("data/journal/deliveries",),
        re.compile(r"\.\d{8}T\d{6}\.\d{6}Z_\d+_[0-9a-f]{8}\.jsonl"),
        "lock",
    ),
    # pipeline.intake_rows
    Kind("what intake lands, while it is written", _LANDING, re.compile(r"\.intake-.+\.part"), "run"),
    # pipeline.tick_journal
    Kind("commits of ticks", ("data/journal/ticks/*",), re.compile(r"\.\d{6}-[a-z]+\.\d+"), "run"),
    # pipeline.publish
    Kind(
        "published sets while they are written",
        ("data/published/versions",),
        re.compile(r"\.\d{8}T\d{6}\.\d{6}Z\.\d+"),
        "run",
    ),
    Kind(
        "links to published files while they are made",
        ("data/published",),
        re.compile(r"\.[a-z_0-9]+(?:\.duckdb|\.parquet)?\.\d+"),
        "run",
    ),
    # pipeline.rebuild, and DuckDB's room for what does not fit into memory
    Kind(
        "warehouses while they are made, and what DuckDB puts aside",
        ("data",),
        re.compile(r"warehouse\.rebuilding\.duckdb(?:\.wal)?|.+\.duckdb\.tmp"),
        "run",
    ),
    # delivery.batch
    Kind("what processes share that send together", ("data/sending",), re.compile(r"[0-9A-Za-z][\w.-]*"), "send"),
    # smtp.sink
    Kind("caught mails while they are written", ("data/outbox",), re.compile(r"\.[A-Za-z0-9_-]+\.[0-9a-f]{8}"), "run"),
    # landing.compaction
    Kind("packs while they are written", ("data/landing/packed/*",), re.compile(r"\.packing\..+"), "run"),
    # object_store.landed
    Kind(
        "objects while they are fetched",
        (
            *(*_LANDING, "data/landing/packed", "data/landing/raw"),
            *("data/journal", "data/journal/deliveries", "data/journal/files", "data/journal/inbox"),
            "data/journal/reports",
        ),
        re.compile(r"\.fetching\..+"),
        "lock",
    ),
    # privacy.rewriting
    Kind(
        "files that an erasure rewrites",
        (*_LANDING, "data/landing/packed", "data/landing/raw", "data/journal"),
        re.compile(r"\.forgetting\..+"),
        "replaced",
    ),
)


@contextlib.contextmanager
def owned(folder: Path) -> Generator[None]:
    """Hold a folder of temporaries, so that it is known to be in use as long as this process lives."""
    with (folder / OWNER_LOCK).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def clear(project: Project, *, holds_run_lock: bool = False, thoroughly: bool = False) -> list[Path]:
    """Complete or delete what dead processes left behind; returns what was deleted.

    Args:
        project: whose.
        holds_run_lock: the caller holds it; otherwise it is taken for a moment, if it is free.
        thoroughly: look into every day of the journal, not only the latest.
    """
    complete_staged_files(project)
    deleted = [path for path, kind in found(project, thoroughly=thoroughly) if kind.owner == "lock" and _deleted(path)]
    deleted += _dead_folders()
    others = [path for path, kind in found(project, thoroughly=thoroughly) if kind.owner != "lock"]
    if others:
        with contextlib.nullcontext(True) if holds_run_lock else _run_lock_if_free(project) as is_ours:
            deleted += [path for path in others if is_ours and _removed(path)]
    return deleted


def found(project: Project, *, thoroughly: bool = True) -> Iterator[tuple[Path, Kind]]:
    """Every temporary that lies about, whether its owner lives or not; staged landing files aside."""
    for kind in KINDS:
        if kind.owner in ("replaced", "send") and not (thoroughly or (project.journal / "forgetting.json").exists()):
            continue
        for folder in _folders(project, kind, thoroughly=thoroughly):
            for path in _below(folder) if kind.owner == "replaced" else _entries(folder):
                if kind.name.fullmatch(path.name):
                    yield path, kind


def living(project: Project) -> list[Path]:
    """Staged landing files of collectors that live: they get their names within a second or two."""
    return staged_files(project)


def _folders(project: Project, kind: Kind, *, thoroughly: bool) -> Iterator[Path]:
    for pattern in kind.folders:
        matching = sorted(path for path in project.root.glob(pattern) if path.is_dir())
        # A crash is of the last tick, and there may be thousands of days.
        yield from matching if thoroughly or not pattern.endswith("/*") else matching[-_LATEST_DAYS:]


def _below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if name.startswith("."))


def _entries(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [folder / entry.name for entry in entries]
    return []


def _deleted(path: Path) -> bool:
    """Delete a file unless its owner lives, who holds a lock on it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            return False
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _removed(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _run_lock_if_free(project: Project) -> Generator[bool]:
    try:
        descriptor = os.open(project.data / RUN_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        # Nobody ever ran here, or we may not: there is nothing of ours to clear.
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _dead_folders() -> list[Path]:
    """Folders of replays and collectors that were killed, in memory or where the system keeps temporaries."""
    places = {Path("/dev/shm"), Path(tempfile.gettempdir())}  # noqa: S108 - only what nobody locks is deleted
    deleted = []
    prefixes = (REPLAY_PREFIX, COUNTS_PREFIX)
    for folder in sorted(path for place in places for prefix in prefixes for path in place.glob(f"{prefix}*")):
        lock = folder / OWNER_LOCK
        with contextlib.suppress(OSError):
            # Another user's are not ours to judge.
            if folder.stat().st_uid == os.getuid() and lock.exists() and _deleted(lock) and _removed(folder):
                deleted.append(folder)
    return deleted
