"""Content models (M9) and templates that decline (M10) in real ticks: frozen, held, let go, kept by every way back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_project

from dagster_drips.cli.status import read_status
from dagster_drips.collector.links.view_message import message_html
from dagster_drips.explain.asking import ask
from dagster_drips.explain.telling import as_text
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.replay import Span, replayed
from dagster_drips.pipeline.tick import Pipeline, TickReport
from dagster_drips.privacy.export import export
from dagster_drips.privacy.forget import forget
from dagster_drips.project import Project
from dagster_drips.sequence_tests.mails import MailRoom
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1)
SEQUENCE = """
status: active
active_from: 2026-01-01
sender: {{name: Ada, email: ada@acme.example}}
trigger: {trigger}
steps:
{steps}
"""
SEQUENCES = {
    "picks": (
        "{event: lead_created}",
        "  - {id: picks, subject: Picks, template: picks.html}\n"
        "  - {id: after, delay: {minutes: 10}, subject: After, template: plain.html}",
    ),
    "orders": ("{event: order_placed}", "  - {id: lines, subject: Lines, template: lines.html}"),
    "plain": ("{event: lead_created}", "  - {id: hello, subject: Hello, template: plain.html}"),
}
TEMPLATES = {
    "picks.html": """<html><body>
{% if content.liked | length < 2 %}{{ skip('fewer than two products') }}{% endif %}
{% for product in content.liked %}[{{ product.name }} {{ product.price }} {{ product.seen_at | date }}]{% endfor %}
<a href="{{ view_url }}">view</a></body></html>""",
    "lines.html": "<html><body>{% if content.order %}{{ content.order.total }}{% else %}none{% endif %}</body></html>",
    "plain.html": "<html><body>Hello</body></html>",
}
LIKED = """
{{ config(meta={'rows': 'many'}) }}
select
    lead_id,
    cast(json_extract_string(properties, '$.rank') as integer) as rank,
    json_extract_string(properties, '$.name') as name,
    cast(json_extract_string(properties, '$.price') as decimal(8, 2)) as price,
    occurred_at as seen_at
from {{ ref('stg_events') }}
where event = 'liked'
"""
ORDER = """
{{ config(meta={'key': 'order_id'}) }}
select
    json_extract_string(properties, '$.order_id') as order_id,
    sum(cast(json_extract_string(properties, '$.amount') as decimal(8, 2))) as total
from {{ ref('stg_events') }}
where event = 'order_line'
group by all
"""


@dataclass
class World:
    """A project that lives tick by tick."""

    project: Project
    pipeline: Pipeline
    landed: int = 0
    tables: dict[int, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    mails: dict[int, dict[str, str]] = field(default_factory=dict)
    problems: dict[int, list[str]] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    def land(self, kind: str, *rows: dict[str, Any]) -> None:
        self.landed += 1
        file = self.project.landing / kind / f"{self.landed:03}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def lead(self, lead_id: str, minute: int) -> None:
        row = {"lead_id": lead_id, "email": f"{lead_id}@x.example", "created_at": stamp(minute - 1)}
        self.land("leads", row)

    def liked(self, lead_id: str, minute: int, *products: str) -> None:
        # The ranks run against the order of landing.
        rows = [
            event("liked", lead_id, minute, name=name, price="9.90", rank=len(products) - place)
            for place, name in enumerate(products)
        ]
        self.land("events", *rows)

    def write(self, content: str, sql: str) -> None:
        self.project.content.mkdir(exist_ok=True)
        (self.project.content / f"{content}.sql").write_text(sql)
        self.pipeline.transform.forget()

    def tick(self, minute: int, *, measure: bool = False) -> TickReport:
        with open_warehouse(self.project.warehouse) as warehouse:
            mails: dict[str, str] = {}

            def due(phase: str) -> Any:
                if phase == "send":
                    mails.update({key: mail.html or mail.error for key, mail in MailRoom(warehouse).due().items()})
                return _nothing()

            report = self.pipeline.tick(warehouse, at(minute), settings=None, measure=measure, around=due)
            if measure:
                publish(warehouse, self.project.published, self.pipeline.transform.descriptions())
            self.tables[minute] = {
                "gates": warehouse.rows("select * from decide.sequence_gates order by all"),
                "states": warehouse.rows("select * from decide.current_step_states order by all"),
                "sent": warehouse.rows("select * from raw.delivery_log where as_of = ? order by all", [at(minute)]),
                "content": warehouse.rows("select * from journal.message_content where as_of = ?", [at(minute)]),
            }
            self.mails[minute] = {
                f"{row['sequence_id']} {row['lead_id']}": mails[row["message_id"]]
                for row in self.tables[minute]["sent"]
            }
        self.problems[minute] = read_status(self.project).problems
        return report

    def held(self, minute: int) -> dict[str, str]:
        return {row["sequence_id"]: row["reason"] for row in self.tables[minute]["gates"] if row["is_holding"]}

    def sent(self, minute: int, sequence: str, lead: str, step: str) -> dict[str, Any]:
        rows = self.tables[minute]["sent"]
        [row] = [row for row in rows if (row["sequence_id"], row["lead_id"], row["step_id"]) == (sequence, lead, step)]
        return row

    def state(self, minute: int, sequence: str, lead: str) -> tuple[str, str | None, str | None]:
        [row] = [
            row for row in self.tables[minute]["states"] if (row["sequence_id"], row["lead_id"]) == (sequence, lead)
        ]
        return row["state"], row["reason"], row["detail"]


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def stamp(minute: int) -> str:
    return f"{at(minute):%Y-%m-%dT%H:%M:%SZ}"


def event(what: str, lead_id: str, minute: int, **properties: Any) -> dict[str, Any]:
    key = "-".join(map(str, (what, lead_id, minute, *properties.values())))
    return {
        "event_id": key,
        "lead_id": lead_id,
        "event": what,
        "occurred_at": stamp(minute - 1),
        "properties": properties,
    }


def made(root: Path) -> Project:
    sequences = root.with_name(f"{root.name}_sequences")
    for name, (trigger, steps) in SEQUENCES.items():
        (sequences / name).mkdir(parents=True)
        (sequences / name / "sequence.yml").write_text(SEQUENCE.format(trigger=trigger, steps=steps))
        for template, text in TEMPLATES.items():
            if template in steps:
                (sequences / name / template).write_text(text)
    return copy_project(root, sequences=sequences)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    project = made(tmp_path_factory.mktemp("content") / "project")
    world = World(project, Pipeline.of(project))
    world.write("liked", LIKED)
    world.write("order", ORDER)
    for lead_id in ("A", "B"):
        world.lead(lead_id, 0)
    world.liked("A", 0, "Lamp", "Chair")
    world.liked("B", 0, "Table")
    world.lead("zoe-1", 0)
    world.liked("zoe-1", 0, "Bowl", "Cup")
    world.tick(0)
    for minute in (10, 20):
        world.tick(minute)
    world.land("events", event("order_placed", "A", 30, order_id=7), event("order_placed", "B", 30, order_id=8))
    world.land("events", *(event("order_line", "A", 30, order_id=7, amount=amount) for amount in ("1.50", "2.25")))
    world.tick(30, measure=True)
    world.kept["view"] = {
        key: seen(project, world.sent(minute, *key)) for minute, key in ((0, PICKS_A), (30, ORDERS_A))
    }
    world.kept["told"] = {lead: ask(project, lead).leads[0] for lead in ("A", "B")}
    world.kept["text"] = {lead: "\n".join(as_text(ask(project, lead))) for lead in ("A", "B")}
    # One order has two rows where one is promised; the column that is missing next is no rows at all.
    world.write("order", ORDER.replace("group by all", "").replace("sum(", "("))
    world.lead("C", 40)
    world.liked("C", 40, "Desk", "Rug")
    world.land("events", event("order_placed", "C", 40, order_id="9"))
    world.land("events", *(event("order_line", "C", 40, order_id="9", amount=amount) for amount in ("4", "5")))
    world.tick(40, measure=True)
    world.kept["waiting"] = ask(project, "C", sequence="orders").leads[0]
    world.write("order", "{{ config(meta={'key': 'order_id'}) }} select nope as order_id from {{ ref('stg_leads') }}")
    world.lead("D", 50)
    world.liked("D", 50, "Bed", "Bin")
    world.tick(50)
    world.write("order", "select lead_id from {{ ref('stg_leads' }}")
    world.tick(60)
    world.write("order", ORDER)
    world.tick(70, measure=True)
    world.kept["state"] = state_of(project)
    world.kept["replayed"] = replay_of(project)
    return world


PICKS_A, ORDERS_A = ("picks", "A", "picks"), ("orders", "A", "lines")
TABLES = ("journal.message_content", "journal.skipped_steps", "journal.enrollment_closings", "journal.sequence_gates")


def seen(project: Project, message: dict[str, Any]) -> str:
    return message_html(project, message["message_id"])


def state_of(project: Project) -> dict[str, Any]:
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        return {table: warehouse.rows(f"select * from {table} order by all") for table in TABLES}


def replay_of(project: Project) -> list[dict[str, Any]]:
    """The same ticks again from nothing, with the files as they are now: what mails would have shown, and skips."""
    span = Span(at(0), at(70), timedelta(minutes=10))
    with replayed(project, span) as (warehouse, _):
        return [
            *warehouse.rows("select message_id, content, content_types from journal.message_content order by all"),
            *warehouse.rows("select enrollment_id, step_id, reason, detail from journal.skipped_steps order by all"),
        ]


def test_a_message_shows_its_rows_in_the_order_of_their_columns(world: World) -> None:
    assert "[Chair 9.90 Feb 28, 2026][Lamp 9.90 Feb 28, 2026]" in world.mails[0]["picks A"]


def test_a_template_declines_its_step_and_the_sequence_goes_on(world: World) -> None:
    assert "picks B" not in world.mails[0]
    assert world.state(0, "picks", "B") == ("skipped", "declined", "fewer than two products")
    assert "picks B" in world.mails[10]
    [told] = [
        one for one in world.kept["told"]["B"].explanations if (one.sequence_id, one.step_id) == ("picks", "picks")
    ]
    assert (told.state, told.reason, told.rule) == ("skipped", "declined", "M10")
    assert told.text == "Skipped at 2026-03-01T00:00:00Z, as its template declined it: fewer than two products"


def test_the_trigger_s_event_finds_rows_by_its_property(world: World) -> None:
    assert "3.75" in world.mails[30]["orders A"]
    assert "none" in world.mails[30]["orders B"]


def test_what_was_sent_is_shown_again_as_it_was(world: World) -> None:
    assert "[Chair 9.90 Feb 28, 2026][Lamp 9.90 Feb 28, 2026]" in world.kept["view"][PICKS_A]
    assert "3.75" in world.kept["view"][ORDERS_A]
    assert 'content.order: {"order_id": "7", "total": 3.75}' in world.kept["text"]["A"]
    assert "content" not in world.kept["text"]["B"].split("picks: skipped")[1].split("after:")[0]


def test_a_model_that_fails_holds_the_sequences_that_use_it_and_no_others(world: World) -> None:
    file = "dbt_project/models/content/order.sql"
    assert world.held(30) == {}
    assert world.held(40) == {"orders": f"{file}: 2 rows of order_id '9', and one was promised"}
    assert [sorted(world.mails[minute]) for minute in (40, 50, 60)] == [
        ["picks C", "plain C"],
        ["picks C", "picks D", "plain D"],
        ["picks D"],
    ]
    assert 'Referenced column "nope" not found' in world.held(50)["orders"]
    assert world.held(50)["orders"].startswith(f"{file}: ")
    assert list(world.held(60)) == ["orders"]


def test_who_asks_is_told_why_it_waits(world: World) -> None:
    [told] = world.kept["waiting"].explanations
    assert (told.state, told.reason) == ("not_judged", "gate")
    assert (
        "content:order (dbt_project/models/content/order.sql: 2 rows of order_id '9', and one was promised)"
        in told.text
    )
    assert [line for line in world.problems[40] if "content:order" in line]


def test_it_lets_go_by_itself(world: World) -> None:
    assert world.held(70) == {}
    assert "9.00" in world.mails[70]["orders C"]


def test_a_replay_shows_and_declines_the_same(world: World) -> None:
    lived = [
        *({name: row[name] for name in ("message_id", "content", "content_types")} for row in kept(world, 0)),
        *({name: row[name] for name in ("enrollment_id", "step_id", "reason", "detail")} for row in kept(world, 1)),
    ]
    assert world.kept["replayed"] == lived


def kept(world: World, table: int) -> list[dict[str, Any]]:
    return world.kept["state"][TABLES[table]]


def test_an_export_shows_content_and_an_erasure_takes_it_alone(world: World) -> None:
    known = export(world.project, "zoe-1")
    assert len(known["tables"]["journal.message_content"]) == 1
    assert [name for name in known["files"] if name.endswith("message_content.parquet")]
    assert forget(world.project, "zoe-1").is_complete
    # The warehouse was made again from what is left.
    others = [row for row in kept(world, 0) if row["lead_id"] != "zoe-1"]
    assert len(others) == len(kept(world, 0)) - 1
    assert state_of(world.project)[TABLES[0]] == others
    assert state_of(world.project)[TABLES[3]] == kept(world, 3)


def test_going_back_keeps_what_went_out_since(world: World) -> None:
    before = {row["message_id"]: row["content"] for row in state_of(world.project)[TABLES[0]]}
    rebuild(world.project, until=at(20))
    after = {row["message_id"]: row for row in state_of(world.project)[TABLES[0]]}
    assert {key: row["content"] for key, row in after.items()} == before
    assert max(row["as_of"] for row in after.values()) == at(20)
    assert seen(world.project, world.sent(30, *ORDERS_A)) == world.kept["view"][ORDERS_A]
