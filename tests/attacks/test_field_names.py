"""Custom fields may be called anything: every word of the project's own SQL is a field here, through whole ticks.

They are all there at once, so that any two meet; one lead comes as a whole row, and another changes by a row that
speaks of some columns only.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from end_to_end.shop import Shop, new_shop
from smtp.servers import ScriptedServer

from dagster_drips.cli.status import read_status
from dagster_drips.delivery.lead_fields import used_fields
from dagster_drips.field_names import MAX_FIELDS, RESERVED_PREFIXES
from dagster_drips.landing.fields import KNOWN_FIELDS
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.settings import Settings
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
OF_ANOTHER_ENGINE = re.compile(
    r"\{%-?\s*macro (?:postgres|(?:dbt_)?spark)_.*?endmacro\s*-?%\}|-- name: \w+ for postgres\n.*?(?=^-- name:|\Z)",
    re.DOTALL | re.MULTILINE,
)
OF_AN_ENGINE = "default__"
"""What names of macros begin with that are dispatched to: no SQL has them."""
JINJA = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
TEXT = re.compile(r"'[^'\n]*'")
MAIL = (
    "<html><body><p>{{ lead.leads }}, {{ lead.events }}, {{ lead['due'] }}, {{ event.properties.word }}</p>"
    "<a href='https://acme.example/'>there</a></body></html>"
)
WHOLE_MAIL = "<html><body><p>{{ lead | length }}</p></body></html>"


class Lived(NamedTuple):
    """A shop after a tick with all these fields, and the texts of its mails by recipient."""

    shop: Shop
    names: list[str]
    mails: dict[str, str]


def identifiers() -> list[str]:
    """Every word of the project's SQL but its comments and texts, keywords included, that isn't a known or a reserved
    name; in Jinja a text is a name.
    """
    folders = [REPOSITORY / "dagster_drips", *(REPOSITORY / "dbt_project" / name for name in ("models", "macros"))]
    files = [file for folder in folders for file in folder.rglob("*.sql") if "postgres" not in file.name]
    texts = [
        TEXT.sub(" ", part) if number % 2 == 0 else part
        for file in files
        for number, part in enumerate(
            JINJA.split(COMMENT.sub(" ", OF_ANOTHER_ENGINE.sub(" ", file.read_text(encoding="utf-8"))))
        )
    ]
    # Aliases that once stood in the way.
    words = {"content", "content_before", "is_loaded"}
    words |= {word.lower() for text in texts for word in WORD.findall(text)}
    kept_from_people = (*RESERVED_PREFIXES, OF_AN_ENGINE)
    return sorted(word for word in words if word not in KNOWN_FIELDS and not word.startswith(kept_from_people))


def person(lead_id: str, fields: dict[str, str], **columns: object) -> dict[str, object]:
    return {"lead_id": lead_id, "email": f"{lead_id}@x.example", "created_at": "2026-01-01"} | columns | fields


def valued(names: list[str], mark: str) -> dict[str, str]:
    return {name: f"{mark} {name}" for name in names} | {"tracking": "no"}


def tick(shop: Shop, url: str) -> None:
    """A tick that sends with tracked links, and measures and publishes."""
    shop.now += shop.now.resolution * 3_600_000_000
    settings = Settings(smtp_url=url, smtp_connections=1, public_url="https://t.acme.example", secret_keys="k" * 40)
    pipeline = Pipeline.of(shop.project)
    with open_warehouse(shop.project.warehouse) as warehouse:
        pipeline.tick(warehouse, shop.now, settings=settings, measure=False)
    assert [node for node in pipeline.measure() if node.failed] == []
    with open_warehouse(shop.project.warehouse) as warehouse:
        publish(warehouse, shop.project.published)


def body_of(message) -> str:
    return message.get_body(("html",)).get_content()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    names = identifiers()
    changed = [name.upper() for name in names[::2]]
    shop = new_shop(tmp_path_factory.mktemp("names"))
    (shop.project.sequences / "welcome" / "mail.html").write_text(MAIL)
    (shop.project.sequences / "project.yml").write_text("fields: {leads: text, events: text, due: text}\n")
    shop.land(
        "leads",
        [
            person("whole", valued(names, "whole")),
            person("partial", valued(names, "before"), updated_at="2026-01-02"),
            person("partial", valued(names, "after"), updated_at="2026-01-03", changed_fields=[*changed, "tracking"]),
            person("tracked", dict.fromkeys(["leads", "events", "due"], "its own")),
        ],
    )
    shop.enter("whole", "partial", "tracked", properties={"word": "of the event"})
    with ScriptedServer() as server:
        tick(shop, server.url)
    return Lived(shop, names, {message["To"].partition("@")[0]: body_of(message) for message in server.messages})


def test_there_are_as_many_names_as_the_sql_has_words(lived):
    assert 1_200 < len(lived.names) < MAX_FIELDS
    assert {"content", "content_before", "is_loaded", "leads", "events", "rowid", "select"} <= set(lived.names)


def test_every_value_is_loaded_and_staged_under_its_name(lived):
    rows = {row["lead_id"]: row for row in lived.shop.rows("select * from staging.stg_leads")}
    expected = valued(lived.names, "whole")
    assert {name: rows["whole"][name] for name in expected} == expected
    expected = valued(lived.names, "before") | valued(lived.names[::2], "after")
    assert {name: rows["partial"][name] for name in expected} == expected
    assert lived.shop.rows("select reason from raw.rejected_rows") == []


def test_mails_have_their_own_leads_data_and_event(lived):
    texts = {name: re.sub(r"\s+", " ", body) for name, body in lived.mails.items()}
    assert "whole leads, whole events, whole due, of the event" in texts["whole"]
    assert "leads, " in texts["partial"]
    before_or_after = {name: "after" if name in lived.names[::2] else "before" for name in ("leads", "events", "due")}
    words = ", ".join(f"{mark} {name}" for name, mark in before_or_after.items())
    assert f"{words}, of the event" in texts["partial"]
    assert "its own, its own, its own, of the event" in texts["tracked"]


def test_who_declines_tracking_is_not_tracked(lived):
    tracked = {name for name, body in lived.mails.items() if "t.acme.example/c/" in body or "t.acme.example/o/" in body}
    assert tracked == {"tracked"}


def test_marts_keep_their_own_columns_and_have_every_field(lived):
    profile = lived.shop.rows("select * from marts.lead_profiles where lead_id = 'whole'")[0]
    assert (profile["enrollments"], profile["messages_sent"], profile["events"]) == (1, 1, 1)
    values = set(map(str, profile.values()))
    assert {value for value in valued(lived.names, "whole").values() if value not in values} == set()
    published = pl.read_parquet(lived.shop.project.published / "lead_profiles.parquet")
    assert published.height == 3


def test_the_next_tick_goes_on(lived):
    lived.shop.land("leads", [person("later", valued(lived.names, "later"))])
    lived.shop.enter("later", properties={"word": "of the event"})
    with ScriptedServer() as server:
        tick(lived.shop, server.url)
    assert [message["To"] for message in server.messages] == ["later@x.example"]
    assert read_status(lived.shop.project).problems == []


def test_two_thousand_fields_are_sent_whole_to_a_template_that_takes_leads_as_they_are(tmp_path):
    shop = new_shop(tmp_path)
    (shop.project.sequences / "welcome" / "mail.html").write_text(WHOLE_MAIL)
    people = [f"p{number}" for number in range(60)]
    shop.sign_up(*people, **{f"field {number}": str(number) for number in range(MAX_FIELDS)})
    with ScriptedServer() as server:
        tick(shop, server.url)
    assert len(server.messages) == len(people)
    # lead_id, email, created_at and updated_at are there as well.
    assert {re.sub(r"\D", "", re.sub("<[^>]+>", "", body_of(message))) for message in server.messages} == {"2004"}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("{{ lead.plan }}{% if lead['seats'] > 1 %}{{ lead.name | default(lead.company) }}{% endif %}", ...),
        ("{{ event.properties.x }}", set()),
        ("{% for name in lead %}{{ name }}{% endfor %}", None),
        ("{{ lead[event.properties.field] }}", None),
        ("{% set all = lead %}{{ all.plan }}", None),
        ("{% macro of(one) %}{{ one.plan }}{% endmacro %}{{ of(lead) }}", None),
        ("{{ lead | tojson }}", None),
        ("{{ lead | attr('plan') }}", None),
    ],
)
def test_a_template_says_which_fields_it_uses_or_takes_them_all(text, fields):
    assert used_fields([text]) == ({"plan", "seats", "name", "company"} if fields is ... else fields)
