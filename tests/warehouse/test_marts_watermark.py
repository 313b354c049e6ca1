"""The marts' watermark holds as long as nothing that the marts were made of was changed behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_drips.pipeline.dbt_package import PACKAGE
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.marts_watermark import BROUGHT_UP_TO_DATE, begin_measuring, end_measuring
from dagster_drips.warehouse.watermark import forget_watermark, note_late_deliveries

NOON = datetime(2026, 1, 10, 12)
MARK = "select as_of, load_id from raw.marts_watermark"
UNMEASURED = "select message_id from raw.unmeasured_deliveries order by message_id"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """After marts were built at a tick at noon that had loaded one file."""
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        for schema in ("marts", "intermediate"):
            warehouse.execute(f"create schema {schema}")
        begin_tick(warehouse, NOON)
        load(warehouse, 1)
        measured = begin_measuring(warehouse, "dbt project")
        for table in BROUGHT_UP_TO_DATE:
            warehouse.execute(f"create table {table} as select 1 as row")
        end_measuring(warehouse, measured)
        yield warehouse


def begin_tick(warehouse: Warehouse, as_of: datetime) -> None:
    warehouse.execute("delete from raw.tick")
    warehouse.execute("insert into raw.tick (as_of, sending_at, started_at) values (?, ?, ?)", [as_of] * 3)


def load(warehouse: Warehouse, number: int) -> None:
    path = f"leads/{number}.csv"
    warehouse.execute("insert into raw.loaded_files values (?, 'leads', ?, 1, 'x', 1, 0, 0, ?)", [number, path, NOON])


def is_kept(warehouse: Warehouse, fingerprint: str = "dbt project") -> bool:
    """Whether the next build brings the marts up to date."""
    begin_measuring(warehouse, fingerprint)
    there = {bool(warehouse.columns(table)) for table in BROUGHT_UP_TO_DATE}
    assert there == {bool(warehouse.rows(MARK))}
    return there.pop()


def test_after_a_build_they_are_kept(warehouse: Warehouse) -> None:
    begin_tick(warehouse, NOON + timedelta(minutes=5))
    load(warehouse, 2)
    assert is_kept(warehouse)
    assert warehouse.rows(MARK) == [{"as_of": NOON, "load_id": 1}]


def test_a_build_that_died_is_repeated_over_the_same_news(warehouse: Warehouse) -> None:
    for minutes in (5, 10):
        begin_tick(warehouse, NOON + timedelta(minutes=minutes))
        measured = begin_measuring(warehouse, "dbt project")
    assert warehouse.rows(MARK) == [{"as_of": NOON, "load_id": 1}]
    end_measuring(warehouse, measured)
    assert warehouse.rows(MARK) == [{"as_of": NOON + timedelta(minutes=10), "load_id": 1}]


@pytest.mark.parametrize(
    "change",
    [
        "insert into raw.project_settings (timezone, servers, page_events) values ('UTC', ['default'], 'verified')",
        "update raw.tick set as_of = as_of - interval 1 second",
        "delete from raw.loaded_files",
        "drop table marts.events",
    ],
    ids=["settings", "an earlier tick", "files taken back", "a mart is gone"],
)
def test_what_is_changed_behind_it_has_them_made_anew(warehouse: Warehouse, change: str) -> None:
    warehouse.execute(change)
    assert not is_kept(warehouse)


def test_another_dbt_project_has_them_made_anew(warehouse: Warehouse) -> None:
    assert not is_kept(warehouse, "another")


def test_whoever_changes_rows_that_ticks_have_read_has_them_made_anew(warehouse: Warehouse) -> None:
    forget_watermark(warehouse)
    assert not is_kept(warehouse)


def test_deliveries_of_earlier_ticks_are_news_until_the_next_build(warehouse: Warehouse) -> None:
    before = NOON - timedelta(minutes=5)
    note_late_deliveries(warehouse, [("early", before), ("early", before), ("now", NOON), ("earlier", before)])
    assert warehouse.rows(UNMEASURED) == [{"message_id": "earlier"}, {"message_id": "early"}]
    measured = begin_measuring(warehouse, "dbt project")
    assert len(warehouse.rows(UNMEASURED)) == 2
    end_measuring(warehouse, measured)
    assert warehouse.rows(UNMEASURED) == []


def test_they_are_all_incremental_models_of_the_folder_marts() -> None:
    """None of the product's is left out, or it would keep rows that it should not."""
    models = [
        file for file in PACKAGE.glob("models/marts/**/*.sql") if "materialized='incremental'" in file.read_text()
    ]
    assert {table.partition(".")[2] for table in BROUGHT_UP_TO_DATE} == {file.stem for file in models}
    # Not `dbt build --full-refresh`: the watermark says what they lack.
    assert all("full_refresh=false" in file.read_text() for file in models)


def test_before_the_first_tick_there_is_none(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        end_measuring(warehouse, begin_measuring(warehouse, "dbt project"))
        assert warehouse.rows(MARK) == []
