"""A collector that takes webhooks, and what it landed."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from dagster_drips.collector.app import build_app
from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.webhooks import routes
from dagster_drips.collector.webhooks.provider import Fetch
from dagster_drips.landing.writer.writer import LandingUnavailable
from dagster_drips.project import Project
from dagster_drips.settings import load_settings
from dagster_drips.vocabulary import LANDING_KINDS
from tests.collector.collecting import counted
from tests.collector.webhooks import signing


class Webhooks:
    """The collector of a project, asked in this process.

    Args:
        context: its settings say which providers are set up.
        fetch: Amazon's part of the web; without it the whole collector is asked, with it the webhooks alone.
    """

    def __init__(self, context: CollectorContext, fetch: Fetch | None = None):
        self.context = context
        app = build_app(context) if fetch is None else _alone(context, fetch)
        self._client = TestClient(app, raise_server_exceptions=False)
        self._client.__enter__()
        self._open = True

    def post(self, provider: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
        return self._client.post(f"/webhooks/{provider}", content=body, headers=headers)

    def deliver(self, provider: str, payload: Any, **options: Any) -> Any:
        """Post as the provider does."""
        return self.post(provider, *signing.request(provider, payload, **options))

    def rows(self, kind: str = "engagement") -> list[dict[str, Any]]:
        """What was landed, without the rows' names for one another; the collector stops for it."""
        self.close()
        files = sorted((self.context.project.landing / kind).glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]

    def bodies(self, provider: str) -> list[bytes]:
        return [base64.b64decode(row["body"]) for row in self.rows(f"raw/{provider}")]

    def counted(self, name: str, provider: str, outcome: str) -> float:
        return counted(self.context.metrics, name, provider=provider, outcome=outcome)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._client.__exit__(None, None, None)


def _alone(context: CollectorContext, fetch: Fetch) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        context.writer.close()

    async def not_now(_: Request, __: Exception) -> Response:
        return PlainTextResponse("Later", 503)

    handlers = {LandingUnavailable: not_now}
    return Starlette(routes=routes(context, fetch=fetch), lifespan=lifespan, exception_handlers=handlers)


def amazon(url: str) -> bytes:
    """The one certificate."""
    if url != signing.CERTIFICATE_URL:
        raise OSError(f"nothing lies there: {url}")
    return signing.certificate()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for kind in LANDING_KINDS:
        (tmp_path / "data" / "landing" / kind).mkdir(parents=True)
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    return Project(tmp_path)


@pytest.fixture
def collector(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Webhooks]]:
    """Starts one: for a provider, or with other settings."""
    started: list[Webhooks] = []

    def start(provider: str = "", *, fetch: Fetch | None = None, **variables: str) -> Webhooks:
        for name, value in (variables or signing.settings()).items():
            monkeypatch.setenv(name, value)
        context = CollectorContext.of(project, load_settings(project), now=lambda: signing.NOW)
        started.append(Webhooks(context, fetch or (amazon if provider == "ses" else None)))
        return started[-1]

    yield start
    for webhooks in started:
        webhooks.close()


@pytest.fixture
def landed(collector: Callable[..., Webhooks]) -> Callable[..., list[list[dict[str, Any]]]]:
    """What each of several payloads of a provider becomes: rows without their ids."""

    def land(provider: str, *payloads: Any) -> list[list[dict[str, Any]]]:
        webhooks = collector(provider)
        answers = [webhooks.deliver(provider, payload) for payload in payloads]
        assert {answer.status_code for answer in answers} == {200}
        rows = iter([{name: row[name] for name in row if name != "engagement_id"} for row in webhooks.rows()])
        found = [list(itertools.islice(rows, answer.json()["landed"])) for answer in answers]
        assert not list(rows)
        return found

    return land
