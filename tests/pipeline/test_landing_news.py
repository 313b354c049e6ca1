"""What has landed asks for a tick at once, but for opens and clicks that nobody waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dagster_drips.pipeline.landing_news import LandingWatch, News
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

SEQUENCE = """
status: {status}
sender: {{name: Ada, email: ada@acme.example}}
trigger: {{event: signup}}
steps:
  - {{id: hello, subject: Hello, template: mail.html}}
  - {{id: later, delay: {{days: 1}}, subject: Later, template: mail.html{asked}}}
"""


class Watched:
    """A project's landing folders, a watch and the digest of its last look."""

    def __init__(self, project: Project):
        self.project = project
        self.watch = LandingWatch(project)
        self.digest = self.watch.look(None).digest

    def land(self, path: str, *rows: dict[str, Any]) -> None:
        (self.project.landing / path).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def look(self) -> News:
        news = self.watch.look(self.digest)
        self.digest = news.digest
        return news

    def facts(self, name: str, *types: str) -> bool:
        self.land(
            f"engagement/{name}", *({"message_id": "m", "type": one, "occurred_at": "2026-01-01"} for one in types)
        )
        return self.look().is_urgent


def sequence(project: Project, *, status: str = "active", asked: str = "") -> None:
    folder = project.sequences / "hello"
    folder.mkdir(exist_ok=True)
    (folder / "mail.html").write_text("<html><body><p>Hello</p></body></html>")
    (folder / "sequence.yml").write_text(SEQUENCE.format(status=status, asked=asked))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    project = Project(tmp_path)
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    project.sequences.mkdir()
    project.segments.mkdir(parents=True)
    sequence(project)
    return Watched(project)


@pytest.mark.parametrize("kind", ["leads", "events", "suppressions"])
def test_rows_of_people_ask_for_a_tick_once(watched, kind):
    watched.land(f"{kind}/1.jsonl", {})
    watched.land("engagement/1.jsonl", {"type": "opened"})
    assert watched.look().is_urgent
    assert watched.look().why_not == "nothing new has landed"
    watched.land(f"{kind}/1.jsonl", {"mended": 1})
    assert watched.look().is_urgent


@pytest.mark.parametrize("kind", ["unsubscribed", "bounced", "complained", "replied", "resubscribed", "confirmed", "?"])
def test_engagement_that_changes_who_is_mailed_asks_for_a_tick(watched, kind):
    assert not watched.facts("1.jsonl", "opened", "clicked", "delivered", "deferred")
    assert watched.facts("2.jsonl", "opened", kind)


@pytest.mark.parametrize(
    ("asked", "opened", "clicked"),
    [
        ("", False, False),
        (", only_if: {opened: hello}", True, True),
        (", unless: {clicked: [hello]}", False, True),
        (", unless: {event: bought}", False, False),
        (", unless: {opened: nobody}", True, True),  # a mistake: what is live is not known here
    ],
)
def test_opens_and_clicks_ask_for_a_tick_where_a_step_does(watched, asked, opened, clicked):
    sequence(watched.project, asked=asked)
    assert watched.facts("1.jsonl", "opened") is opened
    assert watched.facts("2.jsonl", "clicked") is clicked
    sequence(watched.project, asked=asked, status="paused")
    assert watched.facts("3.jsonl", "opened", "clicked") is ("nobody" in asked)


def test_what_can_not_be_read_or_is_much_asks_for_a_tick(watched):
    (watched.project.landing / "engagement" / "1.jsonl.gz").write_bytes(b"\x1f\x8b torn")
    assert watched.look().is_urgent
    assert watched.facts("2.jsonl", *["opened"] * 20_000)


def test_files_that_go_ask_for_nothing(watched):
    watched.land("events/1.jsonl", {})
    assert watched.look().is_urgent
    (watched.project.landing / "events" / "1.jsonl").unlink()
    assert not watched.look().is_urgent


def test_a_watch_that_begins_anew_takes_what_it_does_not_know_for_news(watched):
    assert not watched.facts("1.jsonl", "opened")
    watched.watch = LandingWatch(watched.project)
    assert not watched.look().is_urgent
    watched.watch = LandingWatch(watched.project)
    assert watched.facts("2.jsonl", "opened")
    assert not watched.facts("3.jsonl", "opened")
