"""Simulated people: fates that hang on seed and message alone, in about the promised shares."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from hashlib import md5
from pathlib import Path

from dagster_drips.demo.people import BOUNCED, CLICKED, OPENED, UNSUBSCRIBED, People, write_facts
from dagster_drips.landing.load import load_landing
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

TICK = datetime(2026, 3, 2, 14)


def _messages(count: int) -> list[dict[str, object]]:
    return [
        {
            "message_id": md5(str(number).encode()).hexdigest(),
            "sequence_id": "welcome",
            "step_id": "hello",
            "as_of": TICK,
        }
        for number in range(count)
    ]


def test_a_fate_is_the_same_whenever_and_with_whomever_it_is_asked_for() -> None:
    messages = _messages(200)
    together = People(3).react(messages)
    alone = [fact for message in reversed(messages) for fact in People(3).react([message])]
    assert sorted(together, key=lambda fact: fact["engagement_id"]) == sorted(
        alone, key=lambda fact: fact["engagement_id"]
    )
    assert People(4).react(messages) != together


def test_people_react_in_the_promised_shares() -> None:
    count = 20_000
    facts = People(1).react(_messages(count))
    bounced = {fact["message_id"] for fact in facts if fact["type"] == "bounced"}
    opened = {fact["message_id"] for fact in facts if fact["engagement_id"].endswith("-opened")}
    clicked = {fact["message_id"] for fact in facts if fact["engagement_id"].endswith("-clicked")}
    unsubscribed = Counter(fact["type"] for fact in facts)["unsubscribed"]
    assert abs(len(bounced) / count - BOUNCED) < 0.003
    assert abs(len(opened) / count - OPENED) < 0.02
    assert abs(len(clicked) / len(opened) - CLICKED) < 0.02
    assert abs(unsubscribed / count - UNSUBSCRIBED) < 0.002
    assert clicked <= opened
    assert not bounced & opened


def test_nothing_happens_before_the_sending_and_no_suppression_near_a_tick() -> None:
    facts = People(1).react(_messages(5_000))
    moments = [(fact["type"], datetime.fromisoformat(fact["occurred_at"]).replace(tzinfo=None)) for fact in facts]
    assert all(moment > TICK for _, moment in moments)
    assert all(moment.minute >= 10 for kind, moment in moments if kind in ("bounced", "unsubscribed", "complained"))


def test_the_loader_takes_every_fact(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (project.landing / "engagement").mkdir(parents=True)
    facts = People(1).react(_messages(2_000))
    write_facts(facts, project.landing / "engagement" / "facts.jsonl")
    with open_warehouse(project.warehouse) as warehouse:
        report = load_landing(project, warehouse, kinds=("engagement",), loaded_at=TICK)["engagement"]
    assert (report.rows, report.rejected, report.duplicates) == (len(facts), 0, 0)
