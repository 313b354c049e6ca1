"""Links that come back: each leads where we said, records what a person did, and nothing that a scanner did."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import polars as pl
import pytest
from pydantic import SecretStr

from dagster_drips.collector.app import build_app
from dagster_drips.collector.context import CollectorContext
from dagster_drips.links.tokens import Purpose, Tokens
from dagster_drips.project import Project
from dagster_drips.settings import Settings

from .collecting import KEY, MESSAGE_ID, Served, landed, project_in, served

TOKENS = Tokens([KEY])
OPEN, CLICK, VIEW, UNSUBSCRIBE, PREFERENCES = TOKENS.messages(
    MESSAGE_ID, (Purpose.OPEN, Purpose.CLICK, Purpose.VIEW, Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)
)
SETTINGS = Settings(secret_keys=(SecretStr(KEY),), public_url="https://mail.acme.example")
URL = "https://acme.example/preise?a=1&b=ü#oben"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = project_in(tmp_path / "project")
    for sequence, text in {
        "one": "topic: news\nstatus: active",
        "two": "topic: 'a <b> & \"c\"'\nstatus: paused",
        "three": "topic: secret plans\nstatus: draft",
        "four": "topic: receipts\nstatus: active\ntransactional: true",
        "broken": "topic: [",
    }.items():
        (project.sequences / sequence).mkdir()
        (project.sequences / sequence / "sequence.yml").write_text(text)
    return project


@pytest.fixture
def context(project: Project) -> CollectorContext:
    return CollectorContext.of(project, SETTINGS)


@pytest.fixture
def web(context: CollectorContext) -> Generator[Served]:
    with served(build_app(context)) as collector:
        yield collector


class Page(HTMLParser):
    """What a page offers: links, forms, fields, and whether it needs anything from elsewhere."""

    def __init__(self, text: str):
        super().__init__()
        self.fields: list[dict[str, str | None]] = []
        self.forms: list[dict[str, str | None]] = []
        self.links: list[str | None] = []
        self.scripts = 0
        self.language: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "button"):
            self.fields.append(given)
        elif tag == "form":
            self.forms.append(given)
        elif tag == "a":
            self.links.append(given.get("href"))
        elif tag == "html":
            self.language = given.get("lang")
        self.scripts += tag == "script"


def choose(web: Served, **fields: str | list[str]) -> int:
    body = urlencode(fields, doseq=True)
    return web.ask("POST", f"/p/{PREFERENCES}", body, content_type="application/x-www-form-urlencoded").status


def test_the_pixel_records_an_open_each_time(project: Project, context: CollectorContext) -> None:
    with served(build_app(context)) as web:
        answers = [web.ask("GET", f"/o/{OPEN}.gif", user_agent="Mozilla/5.0 (ü)".encode("latin-1")) for _ in range(2)]
    for answer in answers:
        assert (answer.status, answer.headers["content-type"], len(answer.body)) == (200, "image/gif", 43)
        assert answer.headers["cache-control"] == "no-store"
    rows = landed(project)
    assert [(row["message_id"], row["type"], row["ip"]) for row in rows] == [(MESSAGE_ID, "opened", "127.0.0.1")] * 2
    assert {row["user_agent"] for row in rows} == {"Mozilla/5.0 (ü)"}
    assert len({row["engagement_id"] for row in rows}) == 2
    assert all(datetime.fromisoformat(row["occurred_at"]) and row["occurred_at"].endswith("Z") for row in rows)


def test_a_click_leads_on_and_is_recorded_but_not_that_of_a_previewer(
    project: Project, context: CollectorContext
) -> None:
    with served(build_app(context)) as web:
        path = f"/c/{CLICK}/{TOKENS.url(URL)}"
        looked, clicked = web.ask("HEAD", path), web.ask("GET", path, sec_purpose="prefetch")
    for answer in (looked, clicked):
        assert (answer.status, answer.headers["location"]) == (302, "https://acme.example/preise?a=1&b=%C3%BC#oben")
        assert answer.headers["referrer-policy"] == "no-referrer"
    (row,) = landed(project)
    assert (row["type"], row["url"], row["detail"]) == ("clicked", URL, "sec-purpose: prefetch")


def test_an_address_can_not_smuggle_a_header(web: Served) -> None:
    split = TOKENS.url("https://acme.example/\r\nSet-Cookie: a=b")
    answer = web.ask("GET", f"/c/{CLICK}/{split}")
    assert "set-cookie" not in answer.headers
    assert answer.headers["location"] == "https://acme.example/%0D%0ASet-Cookie:%20a=b"


@pytest.mark.parametrize(
    "path",
    [
        f"/c/{CLICK}/https:evil.example",
        f"/c/{CLICK}/{TOKENS.url('https://evil.example')[:-1]}",
        f"/c/{CLICK}/{Tokens(['another key of thirty-two letters']).url('https://evil.example')}",
        f"/c/{TOKENS.url(URL)}/{TOKENS.url(URL)}",
        f"/o/{OPEN[:-3]}.gif",
        "/u/x",
        "/p/x",
        "/v/%C3%BC",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_forged_or_cut_token_leads_nowhere(
    project: Project, context: CollectorContext, path: str, method: str
) -> None:
    with served(build_app(context)) as web:
        answer = web.ask(method, path)
    assert "location" not in answer.headers
    assert answer.status == 404 or (method == "POST" and answer.status == 405)
    assert landed(project) == []
    if answer.status == 404:
        context.metrics.flush()
        lines = context.metrics.text().decode().splitlines()
        assert [line[-4:] for line in lines if line.startswith("drips_bad_tokens_total{")] == [" 1.0"]


def test_without_keys_no_link_leads_anywhere(project: Project) -> None:
    with served(build_app(CollectorContext.of(project, Settings()))) as web:
        assert web.ask("GET", f"/c/{CLICK}/{TOKENS.url(URL)}").status == 404
        assert web.ask("GET", "/health").status == 200


def test_links_signed_with_an_old_key_still_lead_on(project: Project) -> None:
    settings = Settings(secret_keys=(SecretStr("the new key of thirty-two letters"), SecretStr(KEY)))
    with served(build_app(CollectorContext.of(project, settings))) as web:
        assert web.ask("GET", f"/c/{CLICK}/{TOKENS.url(URL)}").status == 302


@pytest.mark.slow
def test_looking_at_pages_changes_nothing(project: Project, context: CollectorContext) -> None:
    with served(build_app(context)) as web:
        for path in (f"/u/{UNSUBSCRIBE}", f"/p/{PREFERENCES}", f"/v/{VIEW}"):
            for method in ("GET", "HEAD"):
                web.ask(method, path)
    assert landed(project) == []


def test_pages_work_without_scripts_and_keep_their_address_to_themselves(web: Served) -> None:
    for path in (f"/u/{UNSUBSCRIBE}", f"/p/{PREFERENCES}", "/u/forged"):
        answer = web.ask("GET", path)
        page = Page(answer.text)
        assert page.scripts == 0 and page.language == "en"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert all(form["method"] == "post" for form in page.forms)


def test_one_click_unsubscribes_from_all_and_a_repetition_is_the_same_fact(project: Project) -> None:
    context = CollectorContext.of(project, SETTINGS, now=lambda: datetime(2026, 3, 29, 1, 0, 0, 123456))
    with served(build_app(context)) as web:
        for _ in range(2):
            answer = web.ask(
                "POST",
                f"/u/{UNSUBSCRIBE}",
                "List-Unsubscribe=One-Click",
                content_type="application/x-www-form-urlencoded",
            )
            assert answer.status == 200
    rows = landed(project)
    assert [(row["type"], row["occurred_at"]) for row in rows] == [("unsubscribed", "2026-03-29T01:00:00.123Z")] * 2
    assert len({row["engagement_id"] for row in rows}) == 1
    assert all("topic" not in row for row in rows)


def test_unsubscribing_again_after_a_resubscription_is_a_new_fact(project: Project) -> None:
    seconds = iter(range(10))
    context = CollectorContext.of(project, SETTINGS, now=lambda: datetime(2026, 3, 29, 1, 0, next(seconds)))
    with served(build_app(context)) as web:
        for fields in ("unsubscribe_all", "resubscribe_all", "unsubscribe_all"):
            assert choose(web, wish=fields) == 200
    rows = landed(project)
    assert [row["type"] for row in rows] == ["unsubscribed", "resubscribed", "unsubscribed"]
    assert len({row["engagement_id"] for row in rows}) == 3


def test_the_preference_page_offers_topics_that_may_be_sent_and_escapes_them(web: Served) -> None:
    text = web.ask("GET", f"/p/{PREFERENCES}").text
    boxes = [field for field in Page(text).fields if field.get("type") == "checkbox"]
    assert [box["value"] for box in boxes] == ['a <b> & "c"', "news"]
    assert not any("checked" in box for box in boxes), "what was chosen before is not known here"
    assert "<b>" not in text


def test_topics_are_stopped_and_started_one_by_one(project: Project, context: CollectorContext) -> None:
    with served(build_app(context)) as web:
        assert choose(web, wish="unsubscribe", topic=["news", 'a <b> & "c"']) == 200
        assert choose(web, wish="resubscribe", topic="news") == 200
        assert choose(web, wish="resubscribe_all") == 200
    assert [(row["type"], row.get("topic")) for row in landed(project)] == [
        ("unsubscribed", 'a <b> & "c"'),
        ("unsubscribed", "news"),
        ("resubscribed", "news"),
        ("resubscribed", None),
    ]


@pytest.mark.parametrize(
    "fields", [{}, {"wish": "delete"}, {"wish": "unsubscribe"}, {"wish": "unsubscribe", "topic": "x" * 300}]
)
def test_a_form_that_says_nothing_changes_nothing(
    project: Project, context: CollectorContext, fields: dict[str, str]
) -> None:
    with served(build_app(context)) as web:
        assert choose(web, **fields) == 400
    assert landed(project) == []


def test_a_reader_gets_on_although_nothing_can_be_kept(project: Project, web: Served) -> None:
    project.landing.mkdir(parents=True, exist_ok=True)
    (project.landing / "engagement").write_text("a file where the folder should be")
    click = web.ask("GET", f"/c/{CLICK}/{TOKENS.url(URL)}")
    answers = [click, web.ask("GET", f"/o/{OPEN}.gif"), web.ask("POST", f"/u/{UNSUBSCRIBE}")]
    assert [answer.status for answer in answers] == [503] * 3
    assert all(answer.headers["retry-after"] == "5" for answer in answers)
    assert 'content="0; url=https://acme.example/preise?a=1&amp;b=%C3%BC#oben"' in click.text
    (project.landing / "engagement").unlink()
    assert web.ask("GET", f"/c/{CLICK}/{TOKENS.url(URL)}").status == 302


def test_a_message_that_nobody_knows_has_a_plain_page(web: Served) -> None:
    assert web.ask("GET", f"/v/{VIEW}").status == 404


def test_a_message_is_shown_as_it_was_sent_without_tracking(
    project: Project, context: CollectorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIPS_PUBLIC_URL", "https://mail.acme.example")
    monkeypatch.setenv("DRIPS_SECRET_KEYS", KEY)
    as_of = datetime(2026, 3, 29, 1)
    project.published_set.mkdir(parents=True)
    message = {
        "message_id": MESSAGE_ID,
        "enrollment_id": "e1",
        "sequence_id": "one",
        "step_id": "welcome",
        "variant_id": None,
        "lead_id": "l1",
        "sender": "ada@acme.example",
        "recipient": "grace@navy.example",
        "sent_as_of": as_of,
    }
    enrollment = {"enrollment_id": "e1", "triggered_at": as_of, "occurrence_id": "ev 1"}
    lead = {"lead_id": "l1", "email": "grace@navy.example", "first_name": "Grace <3", "updated_at": as_of}
    schema = {"variant_id": pl.String}
    pl.DataFrame([message], schema_overrides=schema).write_parquet(project.published_set / "messages.parquet")
    pl.DataFrame([enrollment]).write_parquet(project.published_set / "enrollments.parquet")
    pl.DataFrame([lead]).write_parquet(project.published_set / "lead_profiles.parquet")
    for day, words in ((28, "Welcome"), (30, "Changed since")):
        commit = project.journal / "ticks" / f"2026-03-{day}" / "010000-decided-1"
        commit.mkdir(parents=True)
        pl.DataFrame([version(datetime(2026, 3, day, 1), words)]).write_parquet(commit / "sequence_versions.parquet")
    (project.landing / "events").mkdir(parents=True)
    (project.landing / "events" / "1.csv").write_text(
        'event_id,lead_id,event,occurred_at,properties\nev 1,l1,signed_up,2026-03-29,"{""plan"": ""gold""}"\n'
    )
    with served(build_app(context)) as web:
        answer = web.ask("GET", f"/v/{VIEW}")
    assert answer.status == 200
    assert "Welcome Grace &lt;3, on gold" in answer.text
    assert 'href="https://acme.example/start"' in answer.text
    assert 'href="only-in-the-mail"' in answer.text and "/u/" not in answer.text, "a passed-on page can't unsubscribe"
    assert "/o/" not in answer.text and "/c/" not in answer.text
    assert (
        "script" not in answer.headers["content-security-policy"]
        and "sandbox" in (answer.headers["content-security-policy"])
    )
    assert landed(project) == []


def version(seen_at: datetime, words: str) -> dict[str, object]:
    definition = {
        "name": "One",
        "status": "active",
        "sender": {"name": "Ada", "email": "ada@acme.example"},
        "trigger": {"event": "signed_up"},
        "steps": [{"id": "welcome", "subject": "Hello", "template": "welcome.html"}],
    }
    html = (
        f"<html><body><p>{words} {{{{ lead.first_name }}}}, on {{{{ event.properties.plan }}}}</p>"
        '<a href="https://acme.example/start">Start</a> <a href="{{ unsubscribe_url }}">Stop</a></body></html>'
    )
    return {
        "sequence_id": "one",
        "version_id": words,
        "seen_at": seen_at,
        "definition": json.dumps(definition),
        "files": json.dumps({"welcome.html": html}),
    }
