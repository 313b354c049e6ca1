"""Whom a week's report went to (`data/journal/reports/<week>.json`), and whether one is to go out now.

Addresses are kept as digests. Nothing here draws: whoever looks every hour needs no library for it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from dagster_drips.addresses import OnlyTo, address_of
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.project import Project
from dagster_drips.report.numbers import last_published
from dagster_drips.report.weeks import Week, is_time
from dagster_drips.sequences.catalog import read_project_settings


class Sent(msgspec.Struct):
    """Digest of an address → `claimed` before it goes out, `sent` behind it."""

    recipients: dict[str, str] = {}

    def knows(self, to: str) -> bool:
        """Whether it went there, or may have."""
        return digest(to) in self.recipients


def digest(to: str) -> str:
    """What an address is kept as."""
    return hashlib.sha256(address_of(to).encode()).hexdigest()


def read_sent(project: Project, week: Week) -> Sent:
    """Whom that week's went to.

    Raises:
        DripsError: the file can't be read.
    """
    file = _file(project, week)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Sent)
    except FileNotFoundError:
        return Sent()
    except (OSError, msgspec.MsgspecError) as error:
        raise DripsError(f"can't be read: {error}; nothing is sent before it can", file=file) from error


def write_sent(project: Project, week: Week, sent: Sent) -> None:
    """Keep it; on disk when this returns.

    Raises:
        DripsError: it can't be written.
    """
    file = _file(project, week)
    try:
        atomic_write(file, msgspec.json.encode(sent) + b"\n")
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=file) from error


def due_week(project: Project, only_to: OnlyTo, now: datetime) -> Week | None:
    """The week whose report is to go out now: its day and hour have come, it is measured, and somebody lacks it.

    Args:
        project: whose `report`.
        only_to: whom mail may go to.
        now: naive UTC.

    Raises:
        DripsError: what was sent, or what is published, can't be read.
    """
    settings = read_project_settings(project)
    report, week = settings.report, Week.before(now)
    if report is None or not is_time(report, settings.timezone, now):
        return None
    as_of = last_published(project)
    if as_of is None or as_of < week.end:
        return None
    sent = read_sent(project, week)
    return week if any(only_to.allows(to) and not sent.knows(to) for to in report.to) else None


def _file(project: Project, week: Week) -> Path:
    return project.journal / "reports" / f"{week}.json"
