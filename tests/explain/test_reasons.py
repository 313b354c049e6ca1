"""Each reason is told with its values, is the decision's own, and what is foretold comes true."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_drips.explain.explanation import Explanation, explain
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.warehouse import Warehouse, open_warehouse
from explain.agreement import nobody_waits_in_vain, rows_say_what_was_decided
from explain.company import NOW, Company

pytestmark = pytest.mark.slow

SAID = {
    # lead, sequence, step: state, reason, rule, what the sentence has in it
    ("ann", "welcome", "hello"): ("sent", None, "M4", ["2026-03-27T12:00:00Z"]),
    ("ann", "welcome", "tips"): (
        "waiting",
        "not_yet",
        "M2",
        ["2 days", "2026-03-29T12:00:00Z", "only_if opened hello (no)"],
    ),
    ("ann", "welcome", "more"): ("not_reached", "earlier_step", "M1", ["after step tips"]),
    ("bob", "welcome", "hello"): (
        "not_enrolled",
        "outside_segments",
        "E5",
        ["exclude staff (a member since 2026-03-27T12:00:00Z)", "2026-03-27T11:00:00Z"],
    ),
    ("old", "welcome", "hello"): ("not_enrolled", "too_old", "E3", ["older than 2 days", "2026-03-24T12:00:00Z"]),
    ("barred", "welcome", "hello"): (
        "not_enrolled",
        "suppressed",
        "E3",
        ["complained since 2026-03-01T00:00:00Z (list)"],
    ),
    ("buyer", "welcome", "tips"): ("cut_off", "converted", "L1", ["2026-03-27T18:00:00Z"]),
    ("quitter", "welcome", "tips"): ("cut_off", "exit_event", "L1", ["2026-03-27T18:00:00Z"]),
    ("unsubscriber", "welcome", "tips"): ("cut_off", "unsubscribed", "L1", ["since 2026-03-27T13:00:00Z (list)"]),
    ("early", "welcome", "hello"): (
        "not_judged",
        "before_opening",
        "E2",
        ["2026-02-25T12:00:00Z", "2026-03-20T00:00:00Z"],
    ),
    ("never", "welcome", "hello"): ("not_judged", "never_triggered", "E1", ["event signup"]),
    ("nobody", "welcome", "hello"): ("not_judged", "no_address", "E3", []),
    ("small", "carts", "only"): ("not_judged", "no_occurrence", "E1", ["event cart where kind = big"]),
    ("bob", "vips", "only"): ("not_judged", "before_opening", "E2", ["segment_entered staff"]),
    ("ann", "drafted", "only"): ("not_judged", "draft", "S1", []),
    ("ann", "archived", "only"): ("not_judged", "archived", "S1", []),
    ("ann", "paused", "only"): ("not_judged", "paused", "S1", []),
    ("ann", "segmentless", "only"): ("not_judged", "paused", "E5", ["segment nowhere"]),
    ("ann", "ahead", "only"): ("not_judged", "not_open", "E2", ["2026-04-01T00:00:00Z"]),
    ("ann", "rolled", "only"): ("not_judged", "rollout", "E9", ["a share of 0.0"]),
    ("roll", "rolled_step", "none"): ("skipped", "rollout", "E9", ["a share of 0.0"]),
    ("lapsed", "expiring", "past"): ("skipped", "expired", "M7", ["2026-03-27T18:00:00Z"]),
    ("lapsed", "expiring", "soon"): ("waiting", "window_closed", "M5", ["wed 00:00-24:00", "Europe/Berlin"]),
    ("berliner", "windowed", "only"): ("waiting", "window_closed", "M5", ["sun 02:30-05:00", "Europe/Berlin"]),
    ("yorker", "windowed", "only"): ("waiting", "window_closed", "M5", ["sun 02:30-05:00", "America/New_York"]),
    ("greedy", "news", "two"): (
        "waiting",
        "frequency_cap",
        "F1",
        ["2 messages in 1 day", "deals/only of 2026-03-27T12:00:00Z, news/one of 2026-03-27T12:00:00Z"],
    ),
    ("waiter", "paused", "only"): ("waiting", "paused", "S1", []),
    # It comes, and goes out to nobody.
    ("mover", "unhurried", "only"): ("waiting", "not_yet", "M2", ["5 days"]),
    ("mover", "unaddressed", "only"): ("waiting", "no_address", "M4", ["2026-03-27T19:30:00Z"]),
    ("held", "held", "only"): ("held_out", "holdout", "E8", ["2026-03-27T12:00:00Z"]),
}
TURNED_AWAY_LATER = {
    ("twice", "welcome", "hello"): ("already_enrolled", "E3", ["the enrollment of 2026-03-27T11:00:00Z was open"]),
    ("again", "welcome", "hello"): ("reentry", "E6", ["by that of 2026-03-27T11:00:00Z", "re-entry is never"]),
}
COMING = {
    ("ann", "welcome", "tips"): ("condition", datetime(2026, 3, 29, 12)),
    ("greedy", "news", "two"): ("sent", datetime(2026, 3, 28, 12)),
    ("lapsed", "expiring", "soon"): ("expired", datetime(2026, 3, 28, 18)),
    # 02:30 is jumped over: the first that clocks show behind it is 03:00.
    ("berliner", "windowed", "only"): ("sent", datetime(2026, 3, 29, 1)),
    ("yorker", "windowed", "only"): ("sent", datetime(2026, 3, 29, 6, 30)),
}


@pytest.fixture
def warehouse(company: Company) -> Iterator[Warehouse]:
    with open_warehouse(company.project.warehouse, read_only=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def told(company: Company) -> dict[tuple[str, str, str], list[Explanation]]:
    """All rows, those of an enrollment first."""
    found: dict[tuple[str, str, str], list[Explanation]] = {}
    with open_warehouse(company.project.warehouse, read_only=True) as opened:
        for row in opened.rows("select * from marts.explanations order by enrollment_id nulls last"):
            one = Explanation(**row | {"facts": json.loads(row["facts"])})
            found.setdefault((one.lead_id, one.sequence_id, one.step_id), []).append(one)
    return found


def test_one_lead_is_asked_for_a_sequence_or_a_step(
    warehouse: Warehouse, told: dict[tuple[str, str, str], list[Explanation]]
) -> None:
    of_ann = [one for (lead, _, _), rows in told.items() if lead == "ann" for one in rows]
    assert sorted(explain(warehouse, "ann"), key=repr) == sorted(of_ann, key=repr)
    assert [one.step_id for one in explain(warehouse, "ann", "welcome")] == ["hello", "tips", "more"]
    assert explain(warehouse, "ann", "welcome", "tips") == told["ann", "welcome", "tips"]
    assert [one.state for one in explain(warehouse, "twice", "welcome")] == [
        *("sent", "waiting", "not_reached"),
        *["not_enrolled"] * 3,
    ]
    assert explain(warehouse, "somebody") == []


@pytest.mark.parametrize("asked", SAID, ids="-".join)
def test_a_reason_is_told_with_its_values(told: Any, asked: tuple[str, str, str]) -> None:
    state, reason, rule, words = SAID[asked]
    [found] = told[asked]
    assert (found.state, found.reason, found.rule) == (state, reason, rule)
    assert [word for word in words if word not in found.text] == [], found.text
    assert found.as_of == NOW
    assert (found.next_outcome, found.next_at) == COMING.get(asked, (None, None)) or asked == ("ann", "ahead", "only")


@pytest.mark.parametrize("asked", TURNED_AWAY_LATER, ids="-".join)
def test_who_is_in_and_turned_away_later_is_told_both(told: Any, asked: tuple[str, str, str]) -> None:
    reason, rule, words = TURNED_AWAY_LATER[asked]
    entered, later = told[asked]
    assert (entered.state, entered.enrollment_id is not None) == ("sent", True)
    assert (later.state, later.reason, later.rule, later.enrollment_id) == ("not_enrolled", reason, rule, None)
    assert [word for word in words if word not in later.text] == [], later.text
    assert later.facts["earlier_enrollment"]["enrollment_id"] == entered.enrollment_id


@pytest.mark.parametrize(("sequence", "reason", "rule"), [("slow", "throttle", "F2"), ("fresh", "warmup", "F4")])
def test_of_two_for_one_place_one_waits_for_its_sender_s_limit(
    told: Any, sequence: str, reason: str, rule: str
) -> None:
    rows = [*told[f"{sequence}3", sequence, "only"], *told[f"{sequence}4", sequence, "only"]]
    [waiting] = [one for one in rows if one.state == "waiting"]
    assert (waiting.reason, waiting.rule, waiting.next_outcome) == (reason, rule, "limit")
    assert waiting.next_at == (NOW if reason == "throttle" else datetime(2026, 3, 29))
    assert f"{sequence}@acme.example may send {1 if reason == 'throttle' else 2} " in waiting.text


def test_every_row_is_a_decision_or_the_lack_of_one(warehouse: Warehouse) -> None:
    rows_say_what_was_decided(warehouse)


def test_who_is_not_judged_has_no_occurrence_that_nothing_keeps_waiting(warehouse: Warehouse) -> None:
    nobody_waits_in_vain(warehouse)


def test_what_is_published_says_the_same_and_takes_nobody_s_rows_along(company: Company, warehouse: Warehouse) -> None:
    with duckdb.connect(company.project.published / "drips.duckdb", read_only=True) as published:
        told = published.execute("select * from marts.explanations order by all").fetchall()
        tables = published.execute(
            "select table_schema || '.' || table_name from information_schema.tables where table_schema <> 'marts'"
        ).fetchall()
    assert told == [tuple(row.values()) for row in warehouse.rows("select * from marts.explanations order by all")]
    assert not {name for (name,) in tables} & {"raw.leads", "raw.events", "raw.delivery_log"}


def test_what_is_foretold_comes_true_and_not_before(company: Company, tmp_path: Path) -> None:
    """The ticks of a replay at the instants foretold, and a minute before each."""
    file = tmp_path / "warehouse.duckdb"
    shutil.copyfile(company.project.warehouse, file)
    company.transform.warehouse = file
    pipeline = Pipeline(company.project, company.transform, journal=None)
    states = (
        "select state, reason from decide.current_step_states where lead_id = ? and step_id = ? and sequence_id = ?"
    )
    sent = "select as_of from raw.delivery_log where lead_id = ? and step_id = ? and sequence_id = ?"
    instants = sorted({at for _, at in COMING.values()})
    with open_warehouse(file) as lived:
        for at in sorted({*instants, *(at - timedelta(minutes=1) for at in instants)}):
            pipeline.tick(lived, at, settings=None, load=False, measure=False)
            for (lead, sequence, step), (outcome, foretold) in COMING.items():
                asked = [lead, step, sequence]
                state = lived.rows(states, asked)
                if at < foretold:
                    assert [row["state"] for row in state] == ["waiting"], (lead, at)
                elif at == foretold and outcome != "sent":
                    assert state == [{"state": "skipped", "reason": outcome}], (lead, at)
        for (lead, sequence, step), (outcome, foretold) in COMING.items():
            expected = [{"as_of": foretold}] if outcome == "sent" else []
            assert lived.rows(sent, [lead, step, sequence]) == expected, lead
    company.transform.warehouse = company.project.warehouse


def test_facts_are_json_with_the_keys_of_their_page(warehouse: Warehouse) -> None:
    page = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
    documented: dict[str, Any] = {}
    for line in page.partition("| key | values |")[2].splitlines():
        if line.startswith("| `"):
            key, values = line.strip("| ").split(" | ", 1)
            documented[key.strip("`")] = values
    for (text,) in warehouse.frame("select facts from marts.explanations").iter_rows():
        facts = json.loads(text)
        assert list(facts) != [] and set(facts) == set(documented)
        for key, value in facts.items():
            inner = value if isinstance(value, dict) else (value[0] if value else {})
            assert [name for name in inner if f"`{name}`" not in documented[key]] == [], key
