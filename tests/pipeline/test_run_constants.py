"""The tick's instant and the watermark stand as literals in what a run makes, whatever their macros look like."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from dbt_models import view_of

from dagster_drips.pipeline.compiled_runs import CompiledNode
from dagster_drips.pipeline.run_compiled import run_compiled
from dagster_drips.pipeline.run_constants import constants, constants_made_by, with_constants
from dagster_drips.warehouse import Warehouse, open_warehouse

AS_OF = datetime(2026, 3, 1, 10)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        warehouse.execute("insert into raw.tick (as_of, sending_at, started_at) values (?, ?, ?)", [AS_OF] * 3)
        yield warehouse


def test_a_model_names_neither_table_any_more(warehouse: Warehouse) -> None:
    warehouse.execute("insert into raw.watermark values (?, 7, '', '')", [datetime(2026, 3, 1, 9)])
    values = constants(warehouse)
    sql = with_constants(view_of("new_events"), values)
    assert "raw.tick" not in sql and "raw.watermark" not in sql
    assert "timestamp '2026-03-01 10:00:00'" in sql and "timestamp '2026-03-01 09:00:00'" in sql
    assert "cast('7' as bigint)" in sql


def test_without_a_watermark_the_macros_say_what_stands_for_it(warehouse: Warehouse) -> None:
    sql = with_constants(view_of("changed_segment_members"), constants(warehouse))
    assert "coalesce(cast(null as timestamp), timestamp '0001-01-01')" in sql


def test_other_questions_of_these_tables_stay(warehouse: Warehouse) -> None:
    values = constants(warehouse)
    others = (
        "select as_of from raw.tick",
        "(select min(as_of) from raw.watermark)",
        "(select as_of from raw.tick where x)",
    )
    for sql in others:
        assert with_constants(sql, values) == sql


def test_where_there_is_no_tick_nothing_is_replaced(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        assert constants(warehouse) == {}


def test_from_when_on_events_matter_is_known_when_its_model_is_made(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.execute("create schema if not exists decide")
    # Once from a new enrollment's trigger on, and nobody is asked conditions.
    found = "select timestamp '2026-03-01 09:30' as of_new_enrollments, cast(null as timestamp) as of_conditions"
    asks = "select {} > (select max({}) from decide.earliest_triggers) as is_later"
    nodes = [
        made("decide", "earliest_triggers", found),
        made("main", "of_enrollments", asks.format("timestamp '2026-03-01 09:31'", "of_new_enrollments")),
        made("main", "of_conditions", asks.format("timestamp '2026-03-01 09:31'", "of_conditions")),
    ]
    run_compiled(nodes, tmp_path / "warehouse.duckdb", tmp_path)
    assert warehouse.value("select is_later from of_enrollments") is True
    assert warehouse.value("select is_later from of_conditions") is None
    values = constants_made_by(warehouse, "earliest_triggers")
    assert values["max(of_new_enrollments)", "earliest_triggers"] == "timestamp '2026-03-01 09:30:00'"
    for model, column in (("new_enrollment_events", "of_new_enrollments"), ("condition_events", "of_conditions")):
        sql = view_of(model)
        assert column in sql
        assert column not in with_constants(sql, values)
    assert constants_made_by(warehouse, "new_events") == {}


def made(schema: str, name: str, sql: str) -> CompiledNode:
    return CompiledNode(unique_id=f"model.drips.{name}", kind="table", relation=f"{schema}.{name}", sql=sql)


def test_views_have_the_instant_too_while_tables_are_made(warehouse: Warehouse, tmp_path: Path) -> None:
    sql = (
        "select i from range(24) as hours(i) where timestamp '2026-03-01' + to_hours(i) <= (select as_of from raw.tick)"
    )
    warehouse.execute(f"create view seen as {sql}")
    view = CompiledNode(unique_id="model.drips.seen", kind="view", relation="seen", sql=sql)
    asks = "select (select count(*) from seen) as hours, sql from duckdb_views() where view_name = 'seen'"
    table = CompiledNode(unique_id="model.drips.made", kind="table", relation="main.made", sql=asks)
    run_compiled([table], tmp_path / "warehouse.duckdb", tmp_path, views_of_now=[view])
    [made] = warehouse.rows("from made")
    assert made["hours"] == 11
    assert "2026-03-01 10:00:00" in made["sql"] and "tick" not in made["sql"]
    assert "tick" in warehouse.value("select sql from duckdb_views() where view_name = 'seen'")
    warehouse.execute("update raw.tick set as_of = ?", [datetime(2026, 3, 1, 12)])
    assert warehouse.value("select count(*) from seen") == 13
