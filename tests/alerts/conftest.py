"""A project with alerts, and what went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

from .chat import Chat

TICK = datetime(2026, 3, 2, 12)
PROJECT = "alerts:\n  stopped_after: {hours: 1}\n  targets:\n    ops: {level: warning, resolved: yes}\n"


@pytest.fixture
def chat() -> Iterator[Chat]:
    with Chat() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Project:
    """With a finished tick, nothing wrong, and a target `ops`."""
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    found = Project.at(tmp_path)
    (found.sequences / "project.yml").write_text(PROJECT)
    monkeypatch.setenv("DRIPS_ALERT_URL_OPS", chat.url)
    with open_warehouse(found.warehouse):
        pass
    finish_tick(found, TICK)
    return found


def finish_tick(project: Project, at: datetime) -> None:
    """A finished tick in the journal and the warehouse, at that instant by either clock."""
    row = (
        f"select timestamp '{at}' as as_of, 'finished' as phase, timestamp '{at}' as recorded_at,"
        " cast(0 as bigint) as last_load_id"
    )
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(f"insert into journal.ticks by name {row}")
        TickJournal(project.journal / "ticks").write(warehouse, as_of=at, phase="finished", selects={"ticks": row})


def change(project: Project, sql: str) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(sql)
