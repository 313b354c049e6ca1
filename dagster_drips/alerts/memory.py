"""`data/journal/alerts.json`: what was told, so that a restart tells nothing twice.

Written whole and synced before and after each message that goes out; no text in it names a person.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from dagster_drips.alerts.incidents import Known
from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.locks import exclusive
from dagster_drips.project import Project

_WAIT_SECONDS = 60.0
"""For another process that is telling."""


@contextmanager
def only_one_tells(project: Project) -> Generator[None]:
    """Keep others from telling the same at once.

    Raises:
        DripsError: somebody else has been telling for a minute.
    """
    with exclusive(project.journal / "alerts.lock", wait_seconds=_WAIT_SECONDS):
        yield


def read_known(project: Project, now: datetime) -> Known:
    """What was told so far.

    Raises:
        DripsError: the file can't be read.
    """
    file = _file(project)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Known)
    except FileNotFoundError:
        return Known(format_instant(now))
    except (OSError, msgspec.MsgspecError) as error:
        raise DripsError(f"can't be read: {error}; without it, what goes on is told again", file=file) from error


def write_known(project: Project, known: Known) -> None:
    """Keep it; on disk when this returns.

    Raises:
        DripsError: it can't be written.
    """
    file = _file(project)
    try:
        atomic_write(file, msgspec.json.format(msgspec.json.encode(known), indent=1) + b"\n")
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=file) from error


def _file(project: Project) -> Path:
    return project.journal / "alerts.json"
