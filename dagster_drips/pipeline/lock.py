"""One run of the pipeline at a time on one project.

DuckDB lets one process write; a tick also must not begin in the middle of another. The lock is the operating system's,
so it is gone when its holder dies.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.temporaries import RUN_LOCK, clear


@contextmanager
def exclusive(path: Path, *, wait_seconds: float = 0, on_wait: Callable[[], None] | None = None) -> Generator[None]:
    """Hold the lock file at `path`, waiting for it up to `wait_seconds`.

    Raises:
        DripsError: somebody else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        deadline = time.monotonic() + wait_seconds
        waited = False
        while not _taken(file):
            if time.monotonic() >= deadline:
                raise DripsError("another run of this project is going on; wait until it has ended", file=path)
            if on_wait and not waited:
                on_wait()
            waited = True
            time.sleep(0.1)
        yield


@contextmanager
def exclusive_run(
    project: Project, *, wait_seconds: float = 5, on_wait: Callable[[], None] | None = None, thoroughly: bool = False
) -> Generator[None]:
    """Hold a project's run lock, and begin without what dead processes left behind.

    Args:
        project: whose.
        wait_seconds: how long to wait for another run; a little always, as whoever starts looks whether it is free.
        on_wait: called once if there is something to wait for.
        thoroughly: look for leftovers in all of the journal.

    Raises:
        DripsError: another run is going on.
    """
    with exclusive(project.data / RUN_LOCK, wait_seconds=wait_seconds, on_wait=on_wait):
        clear(project, holds_run_lock=True, thoroughly=thoroughly)
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
