"""Content and intake models of a project on PostgreSQL: the same files are landed, the same mails sent, as on DuckDB.

Two ticks over tables that lie in the warehouse's own database beside its schemas; what changes between them is landed
and no more.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import copy_project
from postgres_server import postgres_server

from dagster_drips.clock import parse_instant
from dagster_drips.demo.sink_process import mail_sink
from dagster_drips.orchestration.build import build_code_location
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.preview.mails import previewed, reader_of
from dagster_drips.privacy.absent import absent_leads
from dagster_drips.project import Project
from dagster_drips.runs.one_tick import run_tick
from dagster_drips.warehouse import Warehouse, open_warehouse, warehouse_of

pytestmark = pytest.mark.slow

SEQUENCE = """
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: ordered}
reentry: after_exit
steps:
  - {id: lines, subject: "Order {{ event.properties.order_id }}", template: mail.html}
"""
MAIL = """<html><body>{{ lead.seats }}
{% for line in content.lines %}[{{ line.name }} {{ line.price }} {{ line.seen_at | date }} {{ line.n + 1 }}]{% endfor %}
{{ content.customer.rate }} {{ content.customer.is_new }} {{ content.customer.missing | default('-') }}
</body></html>"""
MODELS = {
    "intake/leads.sql": "{{ config(meta={'absent': 'forget', 'absent_at_most': 0.9}) }}\n"
    "select * from shop.customers\n",
    "intake/events.sql": "select * from shop.orders\n",
    "content/lines.sql": "{{ config(meta={'key': 'order_id', 'rows': 'many'}) }}\nselect * from shop.lines\n",
    "content/customer.sql": "select lead_id, 0.5 * seats as rate, seats < 4 as is_new, nullif('', '') as missing"
    " from shop.customers\n",
}
TABLES = (
    "create schema shop",
    "create table shop.customers (lead_id varchar, email varchar, created_at timestamp, seats integer, note varchar)",
    "create table shop.orders (event_id bigint, lead_id varchar, event varchar, occurred_at timestamp,"
    " properties varchar)",
    "create table shop.lines (order_id varchar, n bigint, name varchar, price decimal(8, 2), seen_at timestamp)",
    "insert into shop.customers values ('ada', 'ada@x.example', '2026-02-01', 3, 'a \"quote\", and more'),"
    " ('bob', 'bob@x.example', '2026-02-02', 5, null), ('cyd', null, '2026-02-03', null, '')",
    "insert into shop.orders values (1, 'ada', 'ordered', '2026-03-01', '{\"order_id\": \"o-1\"}'),"
    " (2, 'bob', 'ordered', '2026-03-01', '{\"order_id\": \"o-2\"}')",
    "insert into shop.lines values ('o-1', 2, 'Zebra & <Co>', 1.5, '2026-03-01 10:00:00'),"
    " ('o-1', 1, 'Ära', 20, '2026-03-01 11:30:00'), ('o-9', 1, 'nobody', 0, null)",
)
CHANGES = (
    "update shop.customers set seats = 4 where lead_id = 'ada'",
    "delete from shop.customers where lead_id = 'bob'",
    "insert into shop.customers values ('dan', 'dan@x.example', '2026-03-02', 1, 'x')",
    "insert into shop.orders values (3, 'dan', 'ordered', '2026-03-02', '{\"order_id\": \"o-3\"}')",
    "update shop.orders set event = 'rewritten' where event_id = 1",
    "insert into shop.lines values ('o-3', 7, 'one', 3.25, '2026-03-02 09:00:00')",
)


@dataclass
class Lived:
    """What one engine has made of it: mails by recipient, landed rows of intake by kind, frozen content."""

    project: Project
    mails: dict[str, str] = field(default_factory=dict)
    landed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    shown: list[tuple[str, Any, Any]] = field(default_factory=list)


@contextmanager
def opened(project: Project) -> Generator[Warehouse]:
    with open_warehouse(warehouse_of(project)) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Lived, Lived]]:
    folder = tmp_path_factory.mktemp("models")
    with postgres_server() as server:
        server.execute("create database drips")
        database = server.settings("drips")
        yield lived(folder / "postgres", database), lived(folder / "duckdb", {})


def lived(root: Path, settings: dict[str, str]) -> Lived:
    sequences = root.parent / "sequences"
    (sequences / "orders").mkdir(parents=True, exist_ok=True)
    (sequences / "orders" / "sequence.yml").write_text(SEQUENCE)
    (sequences / "orders" / "mail.html").write_text(MAIL)
    (sequences / "project.yml").write_text("fields: {seats: integer}\n")
    project = copy_project(root, sequences=sequences)
    for segment in project.segments.iterdir():
        segment.unlink()
    for name, text in MODELS.items():
        file = project.dbt / "models" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    found = Lived(project)
    with mail_sink(project.outbox) as url:
        written = {**settings, "DRIPS_SMTP_URL": url}
        (project.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in written.items()))
        for statements, tick in ((TABLES, "2026-03-01T12:00:00Z"), (CHANGES, "2026-03-02T12:00:00Z")):
            with opened(project) as warehouse:
                for statement in statements:
                    warehouse.execute(statement)
            report = run_tick(Pipeline.of(project), as_of=parse_instant(tick))
            assert [str(problem) for problem in (*report.problems, *report.tick.intake.problems)] == []
    for path in project.outbox.rglob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = mail.get_body(("html",))
        assert body is not None
        found.mails[str(mail["To"])] = f"{mail['Subject']}: {body.get_content()}"
    for kind in ("leads", "events", "suppressions"):
        files = sorted((project.landing / kind).glob("intake-*.parquet"))
        found.landed[kind] = [row for file in files for row in pl.read_parquet(file).sort(pl.first()).to_dicts()]
    with opened(project) as warehouse:
        rows = warehouse.rows("select message_id, content, content_types from journal.message_content order by 1")
        found.shown = [
            # An instant is written in either way of ISO 8601.
            (row["message_id"], json.loads(row["content"].replace("T", " ")), json.loads(row["content_types"]))
            for row in rows
        ]
    return found


def test_the_same_mails_go_out(both: tuple[Lived, Lived]) -> None:
    there, here = both
    assert there.mails == here.mails
    assert len(there.mails) == 3
    assert "[Ära 20.00 Mar 1, 2026 2]" in there.mails["ada@x.example"]
    assert there.mails["ada@x.example"].index("Ära") < there.mails["ada@x.example"].index("Zebra &amp; &lt;Co&gt;")


def test_the_same_rows_are_landed_and_those_alone_that_are_news(both: tuple[Lived, Lived]) -> None:
    there, here = both
    assert there.landed == here.landed
    assert [row["lead_id"] for row in there.landed["leads"]] == ["ada", "bob", "cyd", "ada", "dan"]
    assert [row["event_id"] for row in there.landed["events"]] == [1, 2, 3]
    assert [row["email"] for row in there.landed["suppressions"]] == ["bob@x.example"]
    assert [absent_leads(one.project) for one in both] == [["bob"], ["bob"]]


def test_what_messages_show_is_frozen_the_same(both: tuple[Lived, Lived]) -> None:
    there, here = both
    assert [shown[:2] for shown in there.shown] == [shown[:2] for shown in here.shown]
    assert any(content.get("lines") for _, content, _ in there.shown)


def test_a_preview_shows_a_leads_rows(both: tuple[Lived, Lived]) -> None:
    mails = [previewed(one.project, None, reader_of(one.project, "ada"))[0] for one in both]
    assert mails[0] == mails[1]
    assert "Zebra" in mails[0].html


def test_a_tick_by_dagsters_assets_sends_and_measures(both: tuple[Lived, Lived]) -> None:
    project = both[0].project
    event = {"event_id": "9", "lead_id": "dan", "event": "ordered", "occurred_at": "2026-03-03T10:00:00Z"}
    event |= {"properties": {"order_id": "o-3"}}
    (project.landing / "events" / "later.jsonl").write_text(json.dumps(event) + "\n")
    tick = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    tick["ops"] = {"clock": {"config": {"as_of": "2026-03-03T12:00:00Z"}}}
    with mail_sink(project.outbox) as url:
        settings = project.root / ".env"
        kept = [line for line in settings.read_text().splitlines() if not line.startswith("DRIPS_SMTP_URL")]
        settings.write_text("\n".join([*kept, f"DRIPS_SMTP_URL={url}"]) + "\n")
        done = build_code_location(project).resolve_job_def("tick").execute_in_process(run_config=tick)
    assert done.success
    made = [event.materialization for event in done.get_asset_materialization_events()]
    [sent] = [event for event in made if event.asset_key.path[-1] == "delivery_log"]
    assert sent.metadata["sent"].value == 1
    assert len([*project.outbox.rglob("*.eml")]) == 4
    with opened(project) as warehouse:
        assert warehouse.value("select max(as_of) from journal.ticks where phase = 'finished'") == datetime(
            2026, 3, 3, 12
        )
        assert warehouse.value("select count(*) from marts.messages where status = 'sent'") == 4


def test_a_rebuilt_warehouse_knows_what_was_landed(both: tuple[Lived, Lived]) -> None:
    project = both[0].project
    columns = "kind, cast(key as varchar) as key, cast(digest as varchar) as digest"
    known = f"select {columns} from raw.intake_rows order by 1, 2"
    with opened(both[1].project) as warehouse:
        here = warehouse.rows(known)
    with opened(project) as warehouse:
        before = warehouse.rows(known)
    rebuild(project)
    with opened(project) as warehouse:
        assert warehouse.rows(known) == before == here
