"""One run of the pipeline at a time on one project.

DuckDB lets one process write; a tick also must not begin in the middle of another.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from dagster_drips.locks import exclusive
from dagster_drips.project import Project
from dagster_drips.temporaries import RUN_LOCK, clear

WAIT_SECONDS = 3600.0
"""How long a run waits for another: a send of a large batch may take long, and what would wait longer is better left to
the schedule."""


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
