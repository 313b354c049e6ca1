"""A real collector for tests: served by uvicorn on a free port of this machine, and what it has landed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from dagster_drips.collector.app import server_options
from dagster_drips.collector.metrics import PREFIX, Metrics
from dagster_drips.landing.files import landing_files
from dagster_drips.project import Project

KEY = "a key of some thirty-two characters"
MESSAGE_ID = "0123456789abcdef" * 2


def project_in(folder: Path) -> Project:
    """An empty project."""
    for name in ("sequences", "dbt_project"):
        (folder / name).mkdir(parents=True)
    return Project.at(folder)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Served:
    port: int

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response: HTTPResponse = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()


@contextmanager
def served(app: ASGIApp, **options: Any) -> Generator[Served]:
    """The application on a free port; when this ends, so has the server, and files have their names."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **(server_options() | options)))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Served(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()


def landed(project: Project, kind: str = "engagement") -> list[dict[str, Any]]:
    """All rows that the loader would find."""
    return [
        json.loads(line)
        for file in landing_files(project, (kind,))
        for line in file.location.read_text(encoding="utf-8").splitlines()
    ]


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    """How many so far, by the name that `/metrics` shows without what all have in common."""
    metrics.flush()
    return metrics.registry.get_sample_value(f"{PREFIX}{name}_total", labels) or 0
