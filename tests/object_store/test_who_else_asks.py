"""Who else asks the bucket: the collector, whoever waits for files to land, the doctor, the command that takes over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from s3_server import S3Server
from typer.testing import CliRunner

from dagster_drips.cli import commands  # noqa: F401  (registers them)
from dagster_drips.cli.app import app
from dagster_drips.collector.keeping import kept_in_bucket
from dagster_drips.delivery.place import mark_place
from dagster_drips.doctor.bucket import check_bucket
from dagster_drips.landing.writer.writer import LandingWriter
from dagster_drips.object_store import mirror as mirror_module
from dagster_drips.pipeline.in_bucket import begin_with_bucket, fetch_to_look
from dagster_drips.project import Project
from dagster_drips.runs.landed import Landed
from dagster_drips.settings import load_settings

from .conftest import keys_of, mirror_of, write_env

pytestmark = pytest.mark.slow

Make = Callable[..., Project]
AWAY = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


def test_what_a_collector_lands_goes_there_by_itself(make_project: Make) -> None:
    project = make_project("collector")

    async def collect() -> None:
        async with kept_in_bucket(project):
            LandingWriter(project).land_now({"events": [{"event_id": "1"}]})

    asyncio.run(collect())
    mirror = mirror_of(project)
    [key] = keys_of(mirror, "landing")
    assert mirror.store.get(key)[0] == b'{"event_id":"1"}\n'


def test_a_collector_goes_on_without_the_bucket(
    make_project: Make, server: S3Server, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project("collector")
    write_env(project.root, server.variables(prefix) | AWAY)

    async def collect() -> None:
        async with kept_in_bucket(project):
            LandingWriter(project).land_now({"events": [{"event_id": "1"}]})

    asyncio.run(collect())
    assert "what was landed waits for the bucket" in caplog.text


def test_whoever_waits_for_files_sees_those_of_the_bucket(
    make_project: Make, server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project("here")
    landed = Landed(project)
    landed.take()
    assert not landed.is_new()
    mirror_of(project).store.put("landing/events/1.jsonl", b'{"event_id":"1"}\n')
    assert not landed.is_new(), "a look costs requests: it was looked right now"
    monkeypatch.setattr(mirror_module, "BETWEEN_LOOKS", 0.0)
    assert landed.is_new()
    write_env(project.root, server.variables(prefix) | AWAY)
    assert "the store can't be reached" in (fetch_to_look(project) or "")


def test_the_doctor_tries_what_a_tick_asks_for(make_project: Make, server: S3Server, prefix: str) -> None:
    project = make_project("here")
    check = check_bucket(project, load_settings(project))
    assert (check.state, keys_of(mirror_of(project), "drips-doctor")) == ("ok", [])
    mark_place(project)
    begin_with_bucket(project)
    assert check_bucket(project, load_settings(project)).state == "ok"
    other = make_project("other")
    assert "written at another place" in check_bucket(other, load_settings(other)).message
    write_env(project.root, server.variables(prefix, key=server.reader))
    assert "may not write" in check_bucket(project, load_settings(project)).message


def test_adopting_says_what_comes_next(make_project: Make) -> None:
    project = make_project("here")
    mark_place(project)
    begin_with_bucket(project)
    mirror_of(project).store.put("landing/events/1.jsonl", b'{"event_id":"1"}\n')
    there = make_project("there")
    done = CliRunner().invoke(app, ["adopt", "--project", str(there.root)])
    assert done.exit_code == 0, done.output
    assert "is the place of its journal from now on" in done.output
    assert "1 landed files came from the bucket; now `drips rebuild`" in done.output
    again = CliRunner().invoke(app, ["adopt", "--project", str(there.root)])
    assert "is the place of its journal already" in again.output
    assert json.loads(mirror_of(there).store.get("journal/place.json")[0])["id"] == (
        (there.data / "place").read_text().strip()
    )
