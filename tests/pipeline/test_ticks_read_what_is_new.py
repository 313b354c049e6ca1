"""A tick looks at what came since the last one, whatever has piled up before it: told by the rows that it looks at.

On a small project of `benchmarks/tick.py`, which measures the same in seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

from dagster_drips.pipeline.day_ends import note_what_waits
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, open_warehouse

sys.path.append(str(REPOSITORY / "benchmarks"))  # behind: a benchmark may have the name of a folder of tests
import tick as benchmark

pytestmark = pytest.mark.slow

LEADS = 300
NEWS = 60
LOOKED_AT = {
    "new_events": "select count(*) from decide.new_events",
    "changed_leads": "select count(*) from staging.changed_leads",
    "changed_enrollments": "select count(*) from decide.changed_enrollments",
    "changed_occurrences": "select count(*) from decide.changed_occurrences",
    "changed_message_states": "select count(*) from decide.changed_message_states",
    "wanted": "select count(*) from raw.events where event in (select event from decide.asked_events)",
}
KEPT = {
    "leads": "select * from kept.current_leads order by all",
    "enrollments": "select * from kept.current_enrollments order by all",
    "message_states": "select * from kept.current_message_states order by all",
    "members": "select * from kept.current_segment_members where is_member order by all",
    # Of the others those rows alone are kept that replaced one that waited.
    "occurrences": "select * from kept.current_occurrences where is_waiting order by all",
}


class Life:
    """A project with a past of sixty days, tick by tick."""

    def __init__(self, root: Path):
        benchmark.make_project(REPOSITORY, root, LEADS)
        self.root = root
        project = Project.at(root)
        self.pipeline = Pipeline(project, Transform(project), None)
        self.now: datetime = benchmark.START

    def tick(self, after: timedelta, ask: Callable[[Warehouse], Any] = lambda _: None) -> Any:
        self.now += after
        with open_warehouse(self.pipeline.transform.warehouse) as warehouse:
            self.pipeline.tick(warehouse, self.now, settings=None, measure=False)
            return ask(warehouse)

    def land_news(self) -> None:
        number = int(self.now.timestamp())
        benchmark.write("news", self.root, leads=LEADS, number=number, since=self.now, seconds=300, rows=NEWS)


def kept_rows(warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    return {name: warehouse.rows(statement) for name, statement in KEPT.items()}


def looked_at(warehouse: Warehouse) -> dict[str, int]:
    return {name: warehouse.value(statement) for name, statement in LOOKED_AT.items()}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    life = Life(tmp_path_factory.mktemp("life"))
    first = life.tick(timedelta(0), looked_at)
    assert first["changed_leads"] == LEADS
    assert first["new_events"] == first["wanted"] > 10 * LEADS
    for _ in range(3):
        life.tick(timedelta(days=1))
    life.tick(timedelta(hours=9))
    return life


def test_a_tick_with_news_looks_at_the_news_and_at_what_the_tick_before_moved(life: Life) -> None:
    life.tick(timedelta(minutes=5))
    moved = "select count(*) from decide.due_steps"
    sent = life.tick(timedelta(minutes=5), lambda warehouse: warehouse.value(moved))
    life.land_news()
    seen = life.tick(timedelta(minutes=5), looked_at)
    assert 0 < seen["new_events"] <= NEWS
    assert seen["changed_leads"] == 0
    assert seen["changed_message_states"] == sent
    assert seen["changed_enrollments"] < 50
    assert seen["changed_occurrences"] < 50


def test_a_tick_without_news_looks_at_no_event_and_no_lead(life: Life) -> None:
    life.tick(timedelta(minutes=5))
    seen = life.tick(timedelta(minutes=5), looked_at)
    assert (seen["new_events"], seen["changed_leads"], seen["changed_occurrences"]) == (0, 0, 0)


def test_an_edited_sequence_has_its_own_events_read_again_and_no_other_s(life: Life) -> None:
    file = life.root / "sequences" / "sequence_0" / "sequence.yml"
    file.write_text(file.read_text().replace("where: {plan: p1}", "where: {plan: p2}"))
    asked = "select distinct event from decide.new_events order by event"
    events = life.tick(timedelta(minutes=5), lambda warehouse: [row["event"] for row in warehouse.rows(asked)])
    # its trigger, its goal and its exit
    assert events == ["event_0", "event_25", "event_39"]
    seen = life.tick(timedelta(minutes=5), looked_at)
    assert seen["new_events"] == 0


def test_an_edited_segment_has_nothing_read_again_and_its_members_come_and_go(life: Life) -> None:
    file = life.root / "dbt_project" / "models" / "segments" / "segment_0.sql"
    file.write_text(file.read_text().replace("'de'", "'fr'"))
    life.pipeline.transform.look_again()
    changes = "select change, count(*) as people from decide.new_segment_changes group by change order by change"
    moved, seen = life.tick(timedelta(minutes=5), lambda warehouse: (warehouse.rows(changes), looked_at(warehouse)))
    assert [row["change"] for row in moved] == ["entered", "left"]
    assert (seen["new_events"], seen["changed_leads"]) == (0, 0)
    for _ in range(2):
        life.tick(timedelta(minutes=5))
    kept = life.tick(timedelta(minutes=5), kept_rows)
    with open_warehouse(life.pipeline.transform.warehouse) as warehouse:
        life.pipeline.transform.begin_anew(warehouse)
    anew = life.tick(timedelta(minutes=5), kept_rows)
    assert kept["leads"] and kept["enrollments"] and kept["message_states"] and kept["members"]
    assert kept == anew


def test_rows_that_come_of_age_are_news_once(life: Life) -> None:
    life.now += timedelta(minutes=5)
    life.land_news()
    life.now -= timedelta(minutes=5)
    early = life.tick(timedelta(minutes=1), looked_at)
    assert early["new_events"] == 0  # landed, and dated ahead
    of_age = life.tick(timedelta(minutes=10), looked_at)
    assert 0 < of_age["new_events"] <= NEWS
    again = life.tick(timedelta(minutes=5), looked_at)
    assert again["new_events"] == 0


def test_what_the_last_tick_of_a_day_left_waiting_is_kept_by_the_first_of_the_next(life: Life) -> None:
    counted = """
        select sequence_id, step_id, state, reason, count(*) as steps
        from after_sending.pending_steps
        where state in ('waiting', 'due')
        group by all
        order by all
    """
    life.tick(timedelta(minutes=5))
    left = life.tick(timedelta(minutes=5), lambda warehouse: warehouse.rows(counted))
    assert sum(row["steps"] for row in left) > LEADS
    day = life.now
    with open_warehouse(life.pipeline.transform.warehouse) as warehouse:
        note_what_waits(warehouse, day + timedelta(minutes=5))
        assert warehouse.value("select count(*) from raw.left_waiting") == 0
        note_what_waits(warehouse, day + timedelta(days=1))
    kept = "select * exclude (as_of) from journal.waiting_steps where as_of = ? order by all"
    assert life.tick(timedelta(days=1), lambda warehouse: warehouse.rows(kept, [day])) == left
    with open_warehouse(life.pipeline.transform.warehouse) as warehouse:
        assert warehouse.value("select count(*) from raw.left_waiting") == 0
        # A tick that died while it made the kept tables anew has left nothing that could be counted.
        life.pipeline.transform.begin_anew(warehouse)
        note_what_waits(warehouse, day + timedelta(days=2))
        assert warehouse.value("select count(*) from raw.left_waiting") == 0


def test_a_mart_of_the_project_s_own_that_fails_keeps_no_news_waiting_for_the_product_s(life: Life) -> None:
    (life.root / "dbt_project" / "models" / "marts").mkdir(exist_ok=True)
    (life.root / "dbt_project" / "models" / "marts" / "returns.sql").write_text("select * from shop.returns\n")
    life.pipeline.transform.look_again()
    life.tick(timedelta(minutes=5))
    current = "select as_of from raw.marts_watermark"
    assert [node.name for node in life.pipeline.measure() if node.failed] == ["returns"]
    built = life.now
    # One of the product's waits for the next build.
    life.tick(timedelta(minutes=5), lambda warehouse: warehouse.execute("alter table raw.delivery_log rename to away"))
    assert {node.name: node.status for node in life.pipeline.measure()}["message_attempts"] == "skipped"
    with open_warehouse(life.pipeline.transform.warehouse) as warehouse:
        assert warehouse.value(current) == built
        # Opening a warehouse makes what is missing of its tables.
        warehouse.execute("drop table raw.delivery_log")
        warehouse.execute("alter table raw.away rename to delivery_log")
    life.pipeline.measure()
    with open_warehouse(life.pipeline.transform.warehouse) as warehouse:
        assert warehouse.value(current) == life.now
    (life.root / "dbt_project" / "models" / "marts" / "returns.sql").unlink()
    life.pipeline.transform.look_again()
