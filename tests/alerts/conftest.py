"""A project with alerts, what went wrong in it, and a real HTTP server that takes apprise's `json://`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

TICK = datetime(2026, 3, 2, 12)
PROJECT = "alerts:\n  stopped_after: {hours: 1}\n  targets:\n    ops: {level: warning, resolved: yes}\n"


class Chat:
    """What was told over HTTP; `status` is what the server answers."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if chat.status == 200:
                    chat.told.append(json.loads(body))
                self.send_response(chat.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://ops:s3cret-word@127.0.0.1:{self._server.server_port}/hidden-path"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Chat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def taken(self) -> list[str]:
        """Messages since the last call, as lines."""
        told = [f"{one['title'].partition(': ')[2]}\n{one['message']}".rstrip() for one in self.told]
        self.told.clear()
        return told


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
