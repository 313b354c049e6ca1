"""A company with one lead for each reason, lived over a day before clocks change in Europe."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from conftest import copy_project

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

START = datetime(2026, 3, 27, 12)
"""A Friday; clocks go forward on Sunday at 01:00 UTC in Berlin, three weeks ago in New York."""
EVERY = timedelta(hours=6)
TICKS = [START + number * EVERY for number in range(4)]
NOW = TICKS[-1]

MAIL = "<html><body><p>Hello</p></body></html>"
PROJECT = """
timezone: Europe/Berlin
sender: {name: Ada, email: ada@acme.example}
frequency_cap: {messages: 2, per: {days: 1}}
"""
SENDERS = """
senders:
  slow: {name: Slow, email: slow@acme.example, max_per_tick: 1}
  fresh: {name: Fresh, email: fresh@acme.example, warmup: {start: 1, growth: 2}}
"""


def _sequence(trigger: str, *lines: str, steps: str = "[{id: only, subject: Hello, template: mail.html}]") -> str:
    head = ["active_from: 2026-03-20", *lines]
    if not any(line.startswith("status:") for line in lines):
        head.insert(0, "status: active")
    if any(line.startswith("active_from:") for line in lines):
        head.remove("active_from: 2026-03-20")
    return "\n".join([*head, f"trigger: {trigger}", f"steps: {steps}", ""])


def _step(step_id: str, rest: str = "") -> str:
    return f"{{id: {step_id}, subject: Hello, template: mail.html{', ' + rest if rest else ''}}}"


SEQUENCES = {
    "welcome": _sequence(
        "{event: signup, trigger_max_age: {days: 2}}",
        "segments: {exclude: [staff]}",
        "goal: {event: bought}",
        "exit_on: {events: [cancelled]}",
        steps=f"[{_step('hello')}, {_step('tips', 'delay: {days: 2}, only_if: {opened: hello}')}, {_step('more')}]",
    ),
    # Sunday's window begins while clocks jump, in Berlin.
    "windowed": _sequence(
        "{event: windowed}", 'send_window: {days: [sun], start: "02:30", end: "05:00", timezone: lead}'
    ),
    "news": _sequence("{event: greedy}", "priority: 60", steps=f"[{_step('one')}, {_step('two')}]"),
    "deals": _sequence("{event: greedy}", "priority: 10"),
    "slow": _sequence("{event: slow}", "sender: slow"),
    "fresh": _sequence("{event: fresh}", "sender: fresh"),
    "rolled": _sequence("{event: signup}", "rollout: 0"),
    "rolled_step": _sequence("{event: rolled_step}", steps=f"[{_step('none', 'rollout: 0')}, {_step('all')}]"),
    "expiring": _sequence(
        "{event: expiring}",
        "send_window: {days: [wed]}",
        steps=f"[{_step('past', 'expires_after: {hours: 3}')}, {_step('soon', 'expires_after: {days: 1}')}]",
    ),
    "paused": _sequence("{event: paused}", steps=f"[{_step('only', 'delay: {days: 1}')}]"),
    "drafted": _sequence("{event: signup}", "status: draft"),
    "archived": _sequence("{event: signup}", "status: archived"),
    "ahead": _sequence("{event: signup}", "active_from: 2026-04-01"),
    "vips": _sequence("{segment_entered: staff}"),
    "held": _sequence("{event: held}", "holdout: 1"),
    "carts": _sequence("{event: cart, where: {kind: big}}"),
    "segmentless": _sequence("{event: signup}", "segments: {include: [nowhere]}"),
    "unhurried": _sequence("{event: unaddressed}", steps=f"[{_step('only', 'delay: {days: 5}')}]"),
    "unaddressed": _sequence("{event: unaddressed}", steps=f"[{_step('only', 'delay: {hours: 8}')}]"),
}
SEGMENTS = {"staff": "select lead_id from {{ ref('stg_leads') }} where company = 'Acme'\n"}
ZONES = {"yorker": "America/New_York"}


class Company:
    """The project after its ticks, marts built and published."""

    def __init__(self, folder: Path):
        for name in ("sequences", "segments"):
            (folder / name).mkdir()
        self.project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
        (self.project.sequences / "project.yml").write_text(PROJECT)
        (self.project.sequences / "senders.yml").write_text(SENDERS)
        for name, text in SEQUENCES.items():
            self.write(name, text)
        for name, sql in SEGMENTS.items():
            (self.project.segments / f"{name}.sql").write_text(sql)
        for kind in LANDING_KINDS:
            (self.project.landing / kind).mkdir(parents=True)
        self._files = 0
        self.transform = Transform(self.project)
        self.pipeline = Pipeline(self.project, self.transform, TickJournal(self.project.journal / "ticks"))
        self._live()

    def write(self, name: str, text: str) -> None:
        folder = self.project.sequences / name
        folder.mkdir(exist_ok=True)
        (folder / "mail.html").write_text(MAIL)
        (folder / "sequence.yml").write_text(text)

    def land(self, kind: str, rows: list[dict[str, Any]]) -> None:
        self._files += 1
        file = self.project.landing / kind / f"{self._files:04}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def _live(self) -> None:
        steps = (
            self._before_the_first_tick,
            self._before_the_second,
            self._before_the_third,
            self._before_the_last,
        )
        with open_warehouse(self.project.warehouse) as warehouse:
            for instant, happen in zip(TICKS, steps, strict=True):
                happen()
                self.pipeline.tick(warehouse, instant, settings=None, measure=False)
        assert [node for node in self.pipeline.measure() if node.failed] == []
        with open_warehouse(self.project.warehouse) as warehouse:
            publish(warehouse, self.project.published, self.transform.descriptions())

    def _before_the_first_tick(self) -> None:
        people = [
            *("ann", "bob", "old", "barred", "twice", "buyer", "quitter", "early", "never", "again", "unsubscriber"),
            *("greedy", "slow1", "slow2", "fresh1", "fresh2", "roll", "lapsed", "waiter", "held", "small", "mover"),
            *("berliner", "yorker"),
        ]
        self.land("leads", [_lead(name) for name in people])
        self.land("leads", [_lead("nobody", email=""), {"lead_id": "typo", "created_at": "soon"}])
        self.land("events", [{"lead_id": "never", "event": "signup", "occurred_at": "soon"}])
        signups = ("ann", "bob", "barred", "buyer", "quitter", "again", "unsubscriber", "nobody", "twice")
        self.land("events", [_event(name, "signup", START - timedelta(hours=1)) for name in signups])
        self.land("events", [_event("old", "signup", START - timedelta(days=3))])
        self.land("events", [_event("early", "signup", START - timedelta(days=30))])
        self.land("suppressions", [{"email": "barred@x.example", "reason": "complained", "occurred_at": "2026-03-01"}])
        moment = START - timedelta(minutes=30)
        named = {
            **{"greedy": "greedy", "slow1": "slow", "slow2": "slow", "fresh1": "fresh", "fresh2": "fresh"},
            **{"roll": "rolled_step", "lapsed": "expiring", "waiter": "paused", "held": "held", "mover": "unaddressed"},
            **{"berliner": "windowed", "yorker": "windowed"},
        }
        self.land("events", [_event(name, event, moment) for name, event in named.items()])
        self.land("events", [_event("small", "cart", moment, kind="small")])

    def _before_the_second(self) -> None:
        moment = START + timedelta(hours=1)
        self.land("events", [_event("buyer", "bought", moment), _event("again", "bought", moment)])
        self.land("events", [_event("quitter", "cancelled", moment), _event("twice", "signup", moment)])
        self.land(
            "suppressions",
            [{"email": "unsubscriber@x.example", "reason": "unsubscribed", "occurred_at": moment.isoformat()}],
        )
        self.land("leads", [_lead("mover", email="", updated_at=moment.isoformat())])

    def _before_the_third(self) -> None:
        self.land("events", [_event("again", "signup", START + EVERY + timedelta(hours=1))])
        self.write("paused", SEQUENCES["paused"].replace("status: active", "status: paused"))

    def _before_the_last(self) -> None:
        # Two for each place that is left.
        moment = NOW - timedelta(hours=1)
        late = {"slow3": "slow", "slow4": "slow", "fresh3": "fresh", "fresh4": "fresh"}
        self.land("leads", [_lead(name) for name in late])
        self.land("events", [_event(name, event, moment) for name, event in late.items()])


def _lead(name: str, **columns: Any) -> dict[str, Any]:
    return {
        "lead_id": name,
        "email": f"{name}@x.example",
        "created_at": "2026-01-01T00:00:00Z",
        "company": "Acme" if name == "bob" else "Other",
        "timezone": ZONES.get(name, "Europe/Berlin"),
    } | columns


def _event(lead: str, name: str, at: datetime, **properties: Any) -> dict[str, Any]:
    return {
        "event_id": f"{lead}-{name}-{at:%d%H%M}",
        "lead_id": lead,
        "event": name,
        "occurred_at": at.isoformat(),
        "properties": properties,
    }
