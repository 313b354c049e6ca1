"""A machine is lost with its disk while it sends: another one goes on from the bucket, and nobody is mailed twice."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from conftest import copy_project
from s3_server import S3Server

from dagster_drips.errors import DripsError
from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.pipeline.in_bucket import adopt_with_bucket
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.privacy.forget import forget
from dagster_drips.project import Project
from dagster_drips.runs.one_tick import run_tick
from dagster_drips.smtp.sink import MailSink
from dagster_drips.warehouse import open_warehouse

from .conftest import keys_of, mirror_of, write_env

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 28, 8)
PEOPLE = 450
BATCH = 200
KILLED_AFTER = 250
SEQUENCE = """
status: active
sender: {name: Ada, email: ada@acme.example}
trigger: {event: signup}
reentry: never
steps:
  - {id: hello, delay: {hours: 0}, subject: Hello, template: mail.html}
  - {id: later, delay: {days: 300}, subject: Later, template: mail.html}
"""
MAIL = "<html><body><p>Hello {{ lead.first_name | default('there') }}</p></body></html>"


def tick(project: Project, hour: float) -> None:
    """One tick as `drips run` does it, `hour` hours after the start."""
    run_tick(Pipeline.of(project), as_of=START + timedelta(hours=hour))


@dataclass
class World:
    """What machines share: the files in git, the bucket, the mail server's memory."""

    folder: Path
    variables: dict[str, str]

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    def machine(self, name: str) -> Project:
        code = {part: self.folder / part for part in ("sequences", "segments")}
        project = copy_project(self.folder / name, **code)
        write_env(project.root, self.variables)
        return project

    def mails(self) -> Counter[str]:
        """By message, how often it was accepted."""
        return Counter(path.name.split(".")[0] for path in self.outbox.glob("*.eml"))


@pytest.fixture(scope="module")
def world(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("lost")
    (folder / "sequences" / "hello").mkdir(parents=True)
    (folder / "segments").mkdir()
    (folder / "sequences" / "hello" / "sequence.yml").write_text(SEQUENCE)
    (folder / "sequences" / "hello" / "mail.html").write_text(MAIL)
    with MailSink(folder / "outbox") as sink:
        mail = {"DRIPS_SMTP_URL": sink.url, "DRIPS_SMTP_CONNECTIONS": "1"}
        yield World(folder, server.variables("lost") | mail)


def _lines(rows: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture(scope="module")
def bucket(world: World) -> ObjectMirror:
    """A bucket in which people have landed, by way of another machine's settings."""
    project = Project(world.folder / "elsewhere")
    project.root.mkdir()
    write_env(project.root, world.variables)
    mirror = mirror_of(project)
    leads = [{"lead_id": f"L{n:03}", "email": f"p{n:03}@x.example", "created_at": "2026-03-01"} for n in range(PEOPLE)]
    events = [
        {"event_id": f"e{n}", "lead_id": f"L{n:03}", "event": "signup", "occurred_at": START.isoformat()}
        for n in range(PEOPLE)
    ]
    mirror.store.put("landing/leads/2026-03-01.jsonl", _lines(leads))
    mirror.store.put("landing/events/2026-03-28.jsonl", _lines(events))
    return mirror


@pytest.fixture(scope="module")
def second(world: World, bucket: ObjectMirror) -> Project:
    """The machine that goes on, after its first tick."""
    first = world.machine("first")
    _killed_while_sending(world, first)
    shutil.rmtree(first.root)
    project = world.machine("second")
    assert adopt_with_bucket(project).restored
    rebuild(project)
    tick(project, 1)
    return project


def _killed_while_sending(world: World, project: Project) -> None:
    code = (
        "from object_store.test_lost_machine import tick; from dagster_drips.project import Project;"
        f" tick(Project.at({str(project.root)!r}), 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    while len(world.mails()) < KILLED_AFTER:
        assert process.poll() is None, "the tick ended before it could be killed"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_nobody_is_mailed_twice_and_nobody_is_forgotten(second: Project, world: World) -> None:
    mails = world.mails()
    assert set(mails.values()) == {1}, "a mail went out twice"
    with open_warehouse(second.warehouse, read_only=True) as warehouse:
        messages = warehouse.rows("select message_id, status from marts.messages where step_id = 'hello'")
    doubts = {row["message_id"] for row in messages if row["status"] == "in_doubt"}
    sent = {row["message_id"] for row in messages if row["status"] == "sent"}
    assert len(sent | doubts) == PEOPLE
    assert sent <= {*mails} <= sent | doubts
    assert 0 < len(doubts) <= BATCH + 2, "in doubt is the batch that was claimed last, and what was on its way"


def test_what_bi_reads_is_in_the_bucket(second: Project, bucket: ObjectMirror) -> None:
    current = json.loads(bucket.store.get("published/current.json")[0])
    folder = f"published/versions/{current['version']}"
    assert {key.rpartition("/")[2] for key in keys_of(bucket, folder)} >= {"drips.duckdb", "manifest.json"}
    for table, rows in current["tables"].items():
        assert pl.read_parquet(io.BytesIO(bucket.store.get(f"{folder}/{table}.parquet")[0])).height == rows
    assert current["tables"]["messages"] == PEOPLE


def _dump(project: Project) -> dict[str, list[str]]:
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        tables = warehouse.rows("select table_name from information_schema.tables where table_schema = 'marts'")
        names = sorted(row["table_name"] for row in tables)
        return {name: sorted(map(repr, warehouse.rows(f'select * from marts."{name}"'))) for name in names}


def test_a_third_machine_has_every_mart_row_for_row(second: Project, world: World) -> None:
    third = world.machine("third")
    adopt_with_bucket(third)
    rebuild(third)
    lived, restored = _dump(second), _dump(third)
    assert restored.keys() == lived.keys()
    for table, rows in lived.items():
        assert restored[table] == rows, table
    with pytest.raises(DripsError, match="written at another place"):
        tick(second, 2)


def test_who_is_forgotten_is_in_no_object(world: World, second: Project, bucket: ObjectMirror) -> None:
    third = Project.at(world.folder / "third")
    report = forget(third, "L007")
    assert any("earlier versions of objects" in one for one in report.out_of_reach)
    keys = keys_of(bucket, "landing") + keys_of(bucket, "journal") + keys_of(bucket, "published")
    named = [key for key in keys if b"p007@x.example" in bucket.store.get(key)[0]]
    assert named == []
    versions = {key.split("/")[2] for key in keys if key.startswith("published/versions/")}
    assert len(versions) == 1, "sets that know the person are gone"
