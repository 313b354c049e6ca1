"""A project with a past: landed files of every format, mail that went out, decisions; and a look into all of it."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from conftest import copy_project

from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.smtp.sink import MailSink
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

START = datetime(2026, 3, 2, 8)
SEGMENT = "select lead_id from {{ ref('stg_leads') }} where company = 'Quarry'\n"
MAIL = "<html><body><p>Hello {{ lead.first_name | default('there') }}</p></body></html>"
SEQUENCE = """
status: active
active_from: 2026-01-01T00:00:00Z
sender: {name: Ada, email: ada@acme.example}
trigger: {event: signup}
topic: news
segments: {include: [quarry]}
steps:
  - {id: hello, subject: "Hello {{ lead.first_name | default('there') }}", template: mail.html}
  - {id: later, delay: {days: 300}, subject: Later, template: mail.html}
"""

ZEB = "L-77"
NAMES = ("zebedee", "quillfeather", "zeb@old.example", "zeb.quill@forget.example", "oldnick")
"""What must be nowhere afterwards, in lower case."""


def new_project(folder: Path) -> Project:
    sequence = folder / "sequences" / "welcome"
    sequence.mkdir(parents=True)
    (sequence / "sequence.yml").write_text(SEQUENCE)
    (sequence / "mail.html").write_text(MAIL)
    (folder / "segments").mkdir()
    (folder / "segments" / "quarry.sql").write_text(SEGMENT)
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    return project


@cache
def lived_in(folder: Path) -> Project:
    """The one project with a past that all tests of a session share; whoever changes it takes a copy."""
    # This module is imported under two names, from here and from the attacks, and each has its own.
    project = new_project(folder / f"lived-{__name__}")
    live(project)
    return project


def message_id(lead: str, event: str, step: str = "hello") -> str:
    enrollment = hashlib.md5(f"welcome:{lead}:{event}".encode()).hexdigest()
    return hashlib.md5(f"{enrollment}:{step}".encode()).hexdigest()


def land(project: Project, path: str, rows: Iterable[dict[str, Any]]) -> None:
    """A landing file in the format of its name."""
    place, rows = project.landing / path, list(rows)
    if path.endswith(".parquet"):
        pl.DataFrame(rows).write_parquet(place)
        return
    if ".csv" in path:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
    else:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(gzip.compress(content) if path.endswith(".gz") else content)


def tick(project: Project, hours: float, url: str) -> None:
    """A whole tick, marts and their copies for BI included."""
    pipeline = Pipeline.of(project)
    with open_warehouse(project.warehouse) as warehouse:
        report = pipeline.tick(
            warehouse, START + timedelta(hours=hours), settings=Settings(smtp_url=url, smtp_connections=1)
        )
        assert not [node for node in report.measured if node.failed]
        publish(warehouse, project.published)


def live(project: Project) -> None:
    """Three leads who get mail; one of them, `ZEB`, is in every kind of file, in every format."""
    old = {"lead_id": ZEB, "email": "zeb@old.example", "first_name": "Zebedee", "company": "Quarry"}
    ann = {"lead_id": "L-1", "email": "ann@x.example", "first_name": "Ann", "company": "Quarry"}
    bob = {"lead_id": "L-7", "email": "bob@x.example", "first_name": "Bob", "company": "Quarry"}
    born = {"created_at": "2026-01-01T00:00:00Z", "note": ""}
    new = old | {
        "email": " Zeb.Quill@FORGET.example ",
        "last_name": "Quillfeather",
        "updated_at": "2026-01-02T00:00:00Z",
    }
    # A cell over several lines, and a blank line, which is no row.
    land(project, "leads/a.csv", [ann | born, old | born | {"note": 'first\nsecond, "Zebedee"\n'}, bob | born])
    with (project.landing / "leads" / "a.csv").open("a") as file:
        file.write("\n")
    land(project, "leads/b.jsonl.gz", [new | born, bob | born | {"updated_at": "2026-01-03T00:00:00Z"}])
    land(project, "leads/c.parquet", [new | born | {"updated_at": "2026-01-04T00:00:00Z"}])
    signups = [
        {"event_id": f"e-{lead['lead_id']}", "lead_id": lead["lead_id"], "event": "signup", "occurred_at": "2026-03-01"}
        for lead in (ann, new, bob)
    ]
    land(project, "events/a.jsonl", signups)
    with (project.landing / "events" / "a.jsonl").open("a") as file:
        file.write('{"event_id": "torn", "lead_id": "L-77", "email": "zeb@old.exam\n')
        file.write('{"event_id": "no lead", "email": "Zeb@Old.example", "occurred_at": "2026-03-01"}\n')
    visit = {"event": "visit", "occurred_at": "2026-03-01T01:00:00Z", "anonymous_id": "", "properties": "{}"}
    land(
        project,
        "events/b.csv.gz",
        [
            visit | {"event_id": "v1", "lead_id": "anon-oldnick"},
            visit | {"event_id": "v2", "lead_id": ZEB, "event": "identified", "anonymous_id": "anon-oldnick"},
            visit | {"event_id": "v3", "lead_id": "L-1", "properties": '{"friend": "L-77"}'},
        ],
    )
    with MailSink(project.outbox) as sink:
        tick(project, 0, sink.url)
        opened = {"type": "opened", "occurred_at": "2026-03-02T09:00:00Z", "user_agent": "Mozilla/5.0 (X11)"}
        land(
            project,
            "engagement/a.jsonl",
            [
                opened | {"message_id": message_id(ZEB, f"e-{ZEB}"), "detail": "Regards, Zebedee"},
                opened | {"message_id": message_id("L-1", "e-L-1")},
            ],
        )
        land(
            project,
            "suppressions/a.csv",
            [{"email": "ZEB@old.example", "reason": "manual"}, {"email": "bob@x.example", "reason": "manual"}],
        )
        body = base64.b64encode(b"to=zeb.quill%40forget.example&event=open").decode()
        other = base64.b64encode(b"to=ann%40x.example").decode()
        land(project, "raw/mailgun/a.jsonl", [{"headers": {}, "body": body}, {"headers": {}, "body": other}])
        tick(project, 2, sink.url)


def dump(file: Path) -> dict[str, list[str]]:
    """Every row of every table, as text; what only says when something was made is left out."""
    tables = {}
    with open_warehouse(file, read_only=True) as warehouse:
        for row in warehouse.rows(
            "select table_catalog, table_schema, table_name from information_schema.tables"
            " where table_schema in ('raw', 'journal', 'marts', 'decide', 'staging') and table_type = 'BASE TABLE'"
        ):
            if row["table_name"] not in ("tick", "prepared_models", "gate_lineage"):
                name = f'{row["table_schema"]}."{row["table_name"]}"'
                select = f'select * from "{row["table_catalog"]}".{name}'
                tables[name] = sorted(map(repr, map(dict.items, warehouse.rows(select))))
    return tables


def traces(project: Project) -> list[str]:
    """Files and tables in which anything of the person stands; compressed ones are unpacked."""
    found = set()
    for path in sorted(path for path in project.data.rglob("*") if path.is_file()):
        content = path.read_bytes()
        texts = [content.lower()]
        if path.suffix == ".gz":
            texts.append(gzip.decompress(content).lower())
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as pack:
                members = [pack.read(name) for name in pack.namelist()]
            texts += [(gzip.decompress(one) if one[:2] == b"\x1f\x8b" else one).lower() for one in members]
        if path.suffix == ".parquet":
            texts.append(str(pl.read_parquet(path).to_dicts()).lower().encode())
        found |= {f"{path.name}: {name}" for name in (*NAMES, ZEB.lower()) for text in texts if name.encode() in text}
    for file in (project.warehouse, project.published / "drips.duckdb"):
        for table, rows in dump(file).items():
            text = "\n".join(rows).lower()
            found |= {f"{table}: {name}" for name in (*NAMES, "'l-77'") if name in text}
    return sorted(found)
