"""A sequence over real ticks: archived and back (S1), a later `active_from` (E2), segments without a file (E5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from conftest import copy_project
from properties.facts import bucket

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse, open_warehouse

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1)
SEQUENCE = """
status: active
sender: {name: Ada, email: ada@acme.example}
trigger: {event: signup, lookback: {days: 30}}
reentry: after_exit
steps: [{id: hello, subject: Hello, template: mail.html}]
"""
ENTERED = SEQUENCE.replace("{event: signup, lookback: {days: 30}}", "{segment_entered: vips, include_existing: true}")
VIPS = "select lead_id from {{ ref('stg_leads') }} where {{ has_tag('vip') }}\n"


class Life:
    """A project with one sequence, and its ticks an hour apart."""

    def __init__(self, pipeline: Pipeline, warehouse: Warehouse):
        self.pipeline = pipeline
        self.warehouse = warehouse
        self.project = pipeline.project

    def write(self, text: str) -> None:
        (self.project.sequences / "shop" / "sequence.yml").write_text(text)

    def segment(self, name: str, sql: str) -> None:
        (self.project.segments / f"{name}.sql").write_text(sql)
        self.pipeline.transform.forget()  # each tick of a deployment is a process of its own

    def land(self, kind: str, name: str, **row: str) -> None:
        (self.project.landing / kind / f"{name}.jsonl").write_text(json.dumps(row) + "\n")

    def event(self, name: str, hour: float) -> None:
        at = START + timedelta(hours=hour)
        self.land("events", name, event_id=name, lead_id="L1", event="signup", occurred_at=at.isoformat())

    def decide(self, hour: int) -> list[str]:
        """The occurrences that this tick judged."""
        self.pipeline.begin(self.warehouse, START + timedelta(hours=hour))
        self.pipeline.load_sequences(self.warehouse)
        self.pipeline.load_landing(self.warehouse, LANDING_KINDS)
        self.pipeline.decide(self.warehouse)
        self.pipeline.commit_decisions(self.warehouse)
        rows = self.warehouse.rows("select occurrence_id from decide.new_enrollment_decisions order by all")
        return [row["occurrence_id"] for row in rows]

    def tick(self, hour: int) -> list[str]:
        judged = self.decide(hour)
        self.pipeline.pretend_to_send(self.warehouse)
        self.pipeline.settle(self.warehouse)
        return judged

    def state(self) -> tuple[str, str | None]:
        [row] = self.warehouse.rows("select status, segment_without_result from decide.live_sequences")
        return row["status"], row["segment_without_result"]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    (tmp_path / "sequences" / "shop").mkdir(parents=True)
    (tmp_path / "sequences" / "shop" / "mail.html").write_text("<html><body>Hello</body></html>")
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "vips.sql").write_text(VIPS)
    project = copy_project(tmp_path / "project", sequences=tmp_path / "sequences", segments=tmp_path / "segments")
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    pipeline = Pipeline(project, Transform(project), journal=None)
    with open_warehouse(pipeline.transform.warehouse) as warehouse:
        found = Life(pipeline, warehouse)
        found.land("leads", "l1", lead_id="L1", email="l1@x.example", created_at="2026-02-01", tags="vip")
        yield found


def test_s1_what_occurred_while_archived_is_never_judged(life: Life) -> None:
    life.write(SEQUENCE)
    life.event("before", 0)
    assert life.tick(1) == ["before"]
    life.write(SEQUENCE.replace("active", "archived", 1))
    life.event("meanwhile", 1.5)
    assert life.tick(2) == []
    life.write(SEQUENCE)
    life.event("just before", 2.9)
    assert life.tick(3) == []
    life.event("after", 3)
    assert life.tick(4) == ["after"]


def test_e2_a_later_active_from_does_not_bring_the_first_tick_back(life: Life) -> None:
    life.write(ENTERED)
    assert life.tick(1) == ["vips@2026-03-01T01:00:00Z"]
    life.write(ENTERED + "active_from: 2026-03-01T03:00:00Z\n")
    assert [life.tick(hour) for hour in (2, 3, 4)] == [[], [], []]
    life.land("leads", "l2", lead_id="L2", email="l2@x.example", created_at="2026-02-01", tags="vip")
    assert life.tick(5) == ["vips@2026-03-01T05:00:00Z"]


def test_e9_who_waits_for_a_rollout_enters_when_it_is_raised_and_nobody_gets_anything_twice(life: Life) -> None:
    """`segment_entered` sends to a whole segment at once, so a rollout is how it goes out bit by bit."""
    people = [f"L{number}" for number in range(1, 41)]
    for name in people:
        life.land("leads", name, lead_id=name, email=f"{name}@x.example", created_at="2026-02-01", tags="vip")
    entered: list[set[str]] = []
    for hour, share in ((1, 0.1), (2, 0.1), (3, 0.5), (4, 0.2), (5, 1)):
        life.write(ENTERED + f"rollout: {share}\n")
        life.tick(hour)
        rows = life.warehouse.rows("select lead_id from decide.due_steps")
        entered.append({row["lead_id"] for row in rows})
    assert [bool(one) for one in entered] == [True, False, True, False, True]
    assert sorted(name for one in entered for name in one) == sorted(people)
    assert entered[0] == {name for name in people if bucket(f"rollout:shop:{name}") < 0.1}
    assert entered[0] | entered[2] == {name for name in people if bucket(f"rollout:shop:{name}") < 0.5}


def test_e9_a_step_that_is_let_out_to_some_is_skipped_by_the_others(life: Life) -> None:
    people = [f"L{number}" for number in range(1, 21)]
    for name in people:
        life.land("leads", name, lead_id=name, email=f"{name}@x.example", created_at="2026-02-01", tags="vip")
    life.write(ENTERED.replace("template: mail.html", "template: mail.html, rollout: 0.5"))
    life.tick(1)
    sent = {row["lead_id"] for row in life.warehouse.rows("select lead_id from decide.due_steps")}
    assert sent == {name for name in people if bucket(f"rollout:shop:hello:{name}") < 0.5}
    skipped = life.warehouse.rows("select reason, count(*) as steps from journal.skipped_steps group by reason")
    assert skipped == [{"reason": "rollout", "steps": len(people) - len(sent)}]
    assert 0 < len(sent) < len(people)
    assert life.warehouse.value("select count(*) from journal.enrollment_closings") == len(people)


def test_e5_with_a_segment_more_the_first_tick_stays_the_first(life: Life) -> None:
    life.write(ENTERED)
    assert life.tick(1) == ["vips@2026-03-01T01:00:00Z"]
    life.segment("banned", VIPS.replace("vip'", "banned'"))
    life.write(ENTERED + "segments: {exclude: [banned]}\n")
    assert [life.tick(hour) for hour in (2, 3)] == [[], []]


def test_e5_s2_a_sequence_whose_segment_has_no_file_pauses_and_can_be_edited(life: Life) -> None:
    life.write(SEQUENCE)
    life.event("one", 0)
    assert life.tick(1) == ["one"]
    lost = SEQUENCE + "segments: {exclude: [banned]}\n"
    life.write(lost)
    life.event("two", 1.5)
    assert life.tick(2) == []
    assert life.state() == ("active", "banned")
    life.write(lost.replace("status: active", "status: paused"))
    life.tick(3)
    assert life.state() == ("paused", "banned")
    life.write(lost)
    life.segment("banned", VIPS.replace("vip'", "banned'"))
    assert life.tick(4) == ["two"]
    (life.project.segments / "banned.sql").unlink()
    life.write(lost.replace("status: active", "status: archived"))
    life.tick(5)
    assert life.state() == ("archived", "banned")
    life.write(lost.replace("status: active", "status: draft"))
    life.tick(6)
    assert life.state() == ("draft", "banned")


def test_e1_a_tick_that_was_decided_and_overtaken_is_the_tick_before(life: Life) -> None:
    life.write(ENTERED.replace("include_existing: true", "include_existing: false"))
    assert life.tick(1) == []
    life.segment("vips", "select lead_id from {{ ref('stg_leads') }} where broken\n")
    assert life.decide(2) == []
    life.segment("vips", VIPS)
    life.land("leads", "l2", lead_id="L2", email="l2@x.example", created_at="2026-02-01", tags="vip")
    assert life.decide(3) == []
    life.land("leads", "l3", lead_id="L3", email="l3@x.example", created_at="2026-02-01", tags="vip")
    assert life.tick(4) == ["vips@2026-03-01T04:00:00Z"]


def test_s3_a_tick_repeated_after_its_file_changed_goes_by_the_later_one(life: Life) -> None:
    life.write(SEQUENCE.replace("active", "archived", 1))
    life.event("before", 0.5)
    life.decide(1)
    life.write(SEQUENCE)
    assert life.decide(1) == []
    assert life.state() == ("active", None)
    life.event("at", 1)
    assert life.tick(2) == ["at"]
