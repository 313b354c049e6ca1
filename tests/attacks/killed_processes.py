"""Processes that are killed in the middle: each writes something of a person and dies before it is done.

Run as a program: `python killed_processes.py PROJECT POINT`. Each point is the real code up to the system call before
which it is killed (SIGKILL), so nothing is cleaned up by a handler.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.inbox.suppression_lists import import_list
from dagster_drips.landing.writer.writer import LandingWriter
from dagster_drips.pipeline import replay, scratch
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.rebuild import rebuild_under_lock
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.privacy.forget import forget
from dagster_drips.project import Project
from dagster_drips.smtp.sink import MailSink
from dagster_drips.vocabulary import SuppressionReason
from dagster_drips.warehouse import open_warehouse

LEAD = "L-77"
ADDRESS = "zeb.quill@forget.example"
LATE = "late.zebedee@forget.example"
"""An address that only a landing file of a killed collector tells of."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at_rename(name: str) -> None:
    """Before a file or folder of such a name gets its final one."""

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and re.fullmatch(name, Path(os.fsdecode(arguments[0])).name):
            _die()

    sys.addaudithook(look)


def _commit(project: Project) -> None:
    _die_at_rename(r"\.\d{6}-decided\.\d+")
    select = f"select '{LEAD}' as lead_id, '{ADDRESS}' as email"
    with open_warehouse(project.warehouse) as warehouse:
        journal = TickJournal(project.journal / "ticks")
        journal.write(
            warehouse, as_of=datetime(2026, 3, 2, 12), phase="decided", selects={"enrollment_decisions": select}
        )


def _published_set(project: Project) -> None:
    _die_at_rename(r"\.\d{8}T\d{6}\.\d{6}Z\.\d+")
    with open_warehouse(project.warehouse) as warehouse:
        publish(warehouse, project.published)


def _published_link(project: Project) -> None:
    _die_at_rename(r"\.current\.\d+")
    with open_warehouse(project.warehouse) as warehouse:
        publish(warehouse, project.published)


def _rebuilt(project: Project) -> None:
    _die_at_rename(r"warehouse\.rebuilding\.duckdb")
    rebuild_under_lock(project)


def _imported(project: Project) -> None:
    _die_at_rename(r"\.imported-[0-9a-f]+\.csv\.\d+")
    file = project.root.parent / "list.csv"
    file.write_text(f"{ADDRESS}\n")
    import_list(project, file, reason=SuppressionReason.MANUAL, topic=None)


def _collected(project: Project) -> None:
    writer = LandingWriter(project)
    lead = {"lead_id": LEAD, "email": LATE, "created_at": "2026-03-02T08:00:00Z"}
    asyncio.run(writer.land({"leads": [lead], "raw/events": [{"body": LATE}]}))
    # It was answered with 2xx by now.
    _die()


def _caught(project: Project) -> None:
    _die_at_rename(r"\.[0-9a-f]{32}\.[0-9a-f]{8}")
    sink = MailSink(project.outbox)
    sink._keep(f"X-Drips-Message-Id: {'7' * 32}\nTo: {ADDRESS}\n\nHello\n".encode())


def _forgotten(project: Project) -> None:
    _die_at_rename(r"\.forgetting\.(?!json\.).*")
    forget(project, LEAD)


def _replayed(project: Project) -> None:
    # Not into the memory that all processes of this machine share.
    scratch._MEMORY = Path("/nonexistent")
    instant = datetime(2026, 3, 2, 8)
    with replay.replayed(
        project, replay.Span(instant, instant, instant - datetime(2026, 3, 2, 7)), on_tick=lambda _: _die()
    ):
        pass


POINTS: dict[str, Callable[[Project], None]] = {
    # First, as it clears what the others leave.
    "erasure": _forgotten,
    "commit": _commit,
    "published set": _published_set,
    "published link": _published_link,
    "imported list": _imported,
    "collected rows": _collected,
    "caught mail": _caught,
    "replay": _replayed,
    "rebuild": _rebuilt,
}

if __name__ == "__main__":
    POINTS[sys.argv[2]](Project.at(sys.argv[1]))
