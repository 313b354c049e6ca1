"""The watermark holds as long as nothing that it speaks of was changed behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.watermark import (
    begin_reading,
    drop_kept_tables,
    forget_watermark,
    note_late_deliveries,
    set_watermark,
)

NOON = datetime(2026, 1, 10, 12)
MODELS = "their fingerprint"
LATE = "select message_id from raw.late_deliveries order by message_id"
LOAD = "insert into raw.loaded_files values (2, 'leads', 'leads/2.csv', 1, 'y', 1, 0, 0, ?)"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """After a tick at noon that had loaded one file."""
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        warehouse.execute("create schema decide")
        warehouse.execute("create table decide.sequence_marks as select 's' as sequence_id, 'm' as mark")
        warehouse.execute("create schema kept")
        warehouse.execute("create table kept.current_leads as select 'l' as lead_id")
        warehouse.execute("insert into journal.ticks values (?, 'decided', ?, 1)", [NOON, NOON])
        warehouse.execute("insert into raw.loaded_files values (1, 'leads', 'leads/1.csv', 1, 'x', 1, 0, 0, ?)", [NOON])
        begin_reading(warehouse, MODELS)
        set_watermark(warehouse, NOON)
        yield warehouse


def test_after_a_committed_tick_it_holds(warehouse: Warehouse) -> None:
    assert begin_reading(warehouse, MODELS)
    assert warehouse.rows("from raw.watermark_sequences") == [{"sequence_id": "s", "mark": "m"}]


@pytest.mark.parametrize(
    "change",
    [
        "alter table raw.leads add column plan varchar",
        "insert into raw.project_settings (timezone, servers, page_events) values ('UTC', ['default'], 'verified')",
        "delete from journal.ticks",
        "delete from raw.loaded_files",
        "drop table kept.current_leads",
    ],
    ids=["columns of leads", "events of pages", "ticks taken back", "files taken back", "a table is gone"],
)
def test_what_is_changed_behind_it_ends_it(warehouse: Warehouse, change: str) -> None:
    warehouse.execute(change)
    assert not begin_reading(warehouse, MODELS)


def test_other_models_end_it(warehouse: Warehouse) -> None:
    assert not begin_reading(warehouse, "another fingerprint")


def test_given_up_it_takes_the_marks_of_sequences_with_it(warehouse: Warehouse) -> None:
    forget_watermark(warehouse)
    assert not begin_reading(warehouse, MODELS)
    assert warehouse.rows("from raw.watermark_sequences") == []


def test_kept_tables_that_are_dropped_are_made_anew_from_everything(warehouse: Warehouse) -> None:
    drop_kept_tables(warehouse)
    assert not begin_reading(warehouse, MODELS)
    assert warehouse.columns("kept.current_leads") == {}


def test_deliveries_of_earlier_ticks_are_noted_until_the_next_commit(warehouse: Warehouse) -> None:
    before = NOON - timedelta(minutes=5)
    note_late_deliveries(warehouse, [("early", before), ("early", before), ("now", NOON), ("earlier", before)])
    assert warehouse.rows(LATE) == [{"message_id": "earlier"}, {"message_id": "early"}]
    begin_reading(warehouse, MODELS)
    set_watermark(warehouse, NOON)
    assert warehouse.rows(LATE) == []


def test_what_comes_between_deciding_and_the_commit_is_left_to_the_next_tick(warehouse: Warehouse) -> None:
    begin_reading(warehouse, MODELS)
    warehouse.execute(LOAD, [NOON])
    warehouse.execute("alter table raw.leads add column plan varchar")
    note_late_deliveries(warehouse, [("late", NOON - timedelta(days=1))])
    set_watermark(warehouse, NOON)
    assert warehouse.value("select load_id from raw.watermark") == 1
    assert warehouse.rows(LATE) == [{"message_id": "late"}]
    assert not begin_reading(warehouse, MODELS)  # leads have other columns than the models saw


def test_without_a_watermark_nothing_is_late(warehouse: Warehouse) -> None:
    forget_watermark(warehouse)
    note_late_deliveries(warehouse, [("early", NOON - timedelta(days=1))])
    assert warehouse.rows(LATE) == []
