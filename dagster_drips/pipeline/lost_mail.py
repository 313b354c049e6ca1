"""Signs that a journal is older than the mail that went out: it was put back from a backup, or files of it are gone.

A project that sends on such a journal mails people again. Here belongs finding the signs; who tells of them are the
commands `drips doctor` and `drips adopt`. What a journal knows is `tick_journal`'s and `delivery`'s matter.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.publish import MANIFEST
from dagster_drips.pipeline.tick_journal import TickJournal, instant_of
from dagster_drips.project import Project
from dagster_drips.warehouse import engine_error, has_warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("lost_mail.sql"))


def signs_of_lost_mail(project: Project) -> list[str]:
    """What speaks for mail that went out and that the journal doesn't know; empty where nothing does.

    Nothing is found by files that are as old as the journal, and none of what is found is a proof.
    """
    return [*_published_later(project), *_answers_to_unknown_mail(project)]


def _published_later(project: Project) -> list[str]:
    """Marts were published of a tick that the journal doesn't have."""
    published = published_as_of(project)
    if published is None:
        return []
    commits = TickJournal(project.journal / "ticks").commits()
    last = instant_of(commits[-1]) if commits else None
    if last is not None and published <= last:
        return []
    known = f"its last is of {format_instant(last)}" if last else "it has none"
    return [f"marts were published of the tick at {format_instant(published)}, which the journal doesn't know: {known}"]


def published_as_of(project: Project) -> datetime | None:
    """The instant of the tick whose marts are published (UTC); None where none are."""
    try:
        as_of = json.loads((project.published_set / MANIFEST).read_text(encoding="utf-8")).get("as_of")
    except (OSError, ValueError):
        return None
    return datetime.fromisoformat(as_of).replace(tzinfo=None) if as_of else None


def _answers_to_unknown_mail(project: Project) -> list[str]:
    """Opens, clicks and bounces landed of messages that are newer than the last one that is journaled."""
    try:
        if not has_warehouse(project):
            return []
        with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
            (found,) = warehouse.rows(_STATEMENTS["answers_to_unknown_mail"])
    except (DripsError, engine_error()):
        return []  # busy or broken, which is told elsewhere
    if not found["messages"]:
        return []
    messages = f"{found['messages']:,} message" + ("s" if found["messages"] != 1 else "")
    return [
        f"opens, clicks or bounces of {messages} have landed that the journal doesn't know,"
        f" the latest of {format_instant(found['latest'])}"
    ]
