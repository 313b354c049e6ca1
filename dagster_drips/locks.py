"""Locks of the operating system on files: held by one process, gone when it dies.

Which files are locks, and what they protect, is said where they are held.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dagster_drips.errors import DripsError


class HeldElsewhere(DripsError):
    """Somebody else holds the lock."""


@contextmanager
def exclusive(path: Path, *, wait_seconds: float = 0, on_wait: Callable[[], None] | None = None) -> Generator[None]:
    """Hold the lock file at `path`, waiting for it up to `wait_seconds`.

    Raises:
        HeldElsewhere: somebody else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        deadline = time.monotonic() + wait_seconds
        waited = False
        while not _taken(file):
            if time.monotonic() >= deadline:
                raise HeldElsewhere("another run of this project is going on; wait until it has ended", file=path)
            if on_wait and not waited:
                on_wait()
            waited = True
            time.sleep(0.1)
        yield


def is_held(path: Path) -> bool:
    """Whether somebody holds that lock at this moment."""
    try:
        with path.open() as file:
            return not _taken(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _taken(file: IO[str], kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
