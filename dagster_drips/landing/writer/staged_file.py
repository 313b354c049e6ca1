"""One landing file while it is written: hidden, locked by its writer, and never longer than what was acknowledged.

The lock is the operating system's, so it is gone when the writer dies. Which rows come, and when a file is complete, is
decided in `writer`.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster_drips.files import sync

PART = ".part"
"""Ends the name of a staged file; it begins with a dot, and both keep the loader away."""

_TICK = timedelta(microseconds=1)


class NameMaker:
    """Names for landing files, in the order of time even if the clock steps back, and never the same twice."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()
        self._id = secrets.token_hex(4)

    def next(self) -> str:
        """Such as `collected-20260329T010000.123456Z-1f0a3c5d.jsonl`."""
        with self._lock:
            self._last = max(datetime.now(UTC), self._last + _TICK)
            return f"collected-{self._last:%Y%m%dT%H%M%S.%fZ}-{self._id}.jsonl"


class StagedFile:
    """A landing file under its hidden name; for one thread at a time."""

    def __init__(self, folder: Path, name: str, descriptor: int):
        self._folder = folder
        self._name = name
        self._descriptor = descriptor
        self._committed = 0
        self.size = 0
        """Bytes written."""
        self.begun = time.monotonic()
        """When it was created, for its first row."""

    @classmethod
    def create(cls, folder: Path, names: NameMaker) -> StagedFile:
        """A new, empty one whose place in the folder is on disk for good.

        Raises:
            OSError: the folder can't be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            name = names.next()
            path = folder / f".{name}{PART}"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                if try_lock(descriptor, path):
                    sync(folder)
                    return cls(folder, name, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            # A recovery locked it before we did.
            os.close(descriptor)

    def write(self, data: bytes) -> None:
        """Append; not kept before `sync` and `commit`.

        Raises:
            OSError: not all of it could be written.
        """
        rest = memoryview(data)
        while rest:
            written = os.write(self._descriptor, rest)
            self.size += written
            rest = rest[written:]

    def sync(self) -> None:
        """Bring what was written to the disk.

        Raises:
            OSError: the disk did not take it.
        """
        os.fdatasync(self._descriptor)

    def commit(self) -> None:
        """What was written so far stays."""
        self._committed = self.size

    def roll_back(self) -> bool:
        """Cut off what was written since `commit`; False: that failed too."""
        try:
            os.ftruncate(self._descriptor, self._committed)
            os.fdatasync(self._descriptor)
        except OSError:
            return False
        self.size = self._committed
        return True

    def finish(self) -> None:
        """Give it its final name; one without rows goes.

        Raises:
            OSError: the folder can't be written.
        """
        publish(self._folder, self._name, is_empty=self._committed == 0)
        os.close(self._descriptor)

    def abandon(self) -> None:
        """Leave it as it is, for the next recovery."""
        os.close(self._descriptor)


def publish(folder: Path, name: str, *, is_empty: bool) -> None:
    """Let the hidden file `name` be seen, for good; an empty one goes.

    Raises:
        OSError: the folder can't be written.
    """
    hidden = folder / f".{name}{PART}"
    if is_empty:
        hidden.unlink()
    else:
        hidden.rename(folder / name)
    sync(folder)


def try_lock(descriptor: int, path: Path) -> bool:
    """Lock the open file; False: somebody else holds it, or it lies at its path no more."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
