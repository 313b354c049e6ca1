"""A collector on a port of its own for tests of events: real HTTP, a real landing folder."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import requests
import uvicorn

from dagster_drips.collector.app import build_app, server_options
from dagster_drips.collector.context import CollectorContext
from dagster_drips.project import Project
from dagster_drips.settings import Settings

KEY = "a-write-key-of-tests"
NOW = datetime(2026, 3, 1, 12)


class Collector:
    """One that is served.

    Args:
        context: its own.
        url: without a slash at its end.
    """

    def __init__(self, context: CollectorContext, url: str):
        self.context = context
        self.url = url
        self.stop = lambda: None

    def post(self, path: str, body: Any, *, key: str | None = KEY, **options: Any) -> requests.Response:
        content = body if isinstance(body, (bytes, str)) else json.dumps(body)
        auth = (key, "") if key is not None else None
        return requests.post(self.url + path, data=content, auth=auth, timeout=10, **options)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """What was landed, in order; stops the collector."""
        return [json.loads(line) for line in self.lines(kind)]

    def raw_rows(self, kind: str) -> list[dict[str, msgspec.Raw]]:
        """The same with values as they were written."""
        return [msgspec.json.decode(line, type=dict[str, msgspec.Raw]) for line in self.lines(kind)]

    def lines(self, kind: str) -> list[str]:
        self.stop()
        files = sorted((self.context.project.landing / kind).glob("*.jsonl"))
        return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@contextmanager
def serving(root: Path, *, now: datetime | None = NOW, keys: str = KEY, **more: Any) -> Iterator[Collector]:
    """A collector for the project in that folder, which is made; `now` None is the real clock; `more` settings."""
    for name in ("sequences", "dbt_project"):
        (root / name).mkdir(exist_ok=True)
    settings = Settings(write_keys=keys, **more, _env_file=None)
    clock = (lambda: now) if now else (lambda: datetime.now(UTC).replace(tzinfo=None))
    context = CollectorContext.of(Project.at(root), settings, now=clock)
    server = uvicorn.Server(uvicorn.Config(build_app(context), host="127.0.0.1", port=0, **server_options()))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    collector = Collector(context, f"http://127.0.0.1:{port}")

    def stop() -> None:
        server.should_exit = True
        thread.join(20)

    collector.stop = stop
    yield collector
    stop()
