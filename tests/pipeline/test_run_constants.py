"""The tick's instant and the watermark stand as literals in what a run makes, whatever their macros look like."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from dbt_models import view_of

from dagster_drips.pipeline.run_constants import constants, with_constants
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
