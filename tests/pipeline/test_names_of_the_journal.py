"""Projects begun when tables of the journal had other names go on: in the warehouse and in the journal's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_drips.pipeline.tick_journal import TickJournal, table_of
from dagster_drips.warehouse import open_warehouse

EARLIER = {"enrollment_decisions": "verdicts", "enrollment_closings": "closings", "skipped_steps": "resolutions"}


@pytest.mark.parametrize("table", EARLIER)
def test_a_table_keeps_its_rows_under_its_new_name(tmp_path: Path, table: str) -> None:
    file = tmp_path / "warehouse.duckdb"
    with open_warehouse(file) as warehouse:
        columns = warehouse.columns(f"journal.{table}")
        values = ", ".join(f"cast('2026-01-01' as {kind})" for kind in columns.values())
        warehouse.execute(f"insert into journal.{table} values ({values})")
        rows = warehouse.rows(f"select * from journal.{table}")
        warehouse.execute(f"alter table journal.{table} rename to {EARLIER[table]}")
    for _ in range(2):
        with open_warehouse(file) as warehouse:
            assert warehouse.rows(f"select * from journal.{table}") == rows
            assert not warehouse.columns(f"journal.{EARLIER[table]}")


def test_a_commit_has_the_files_that_it_always_had(tmp_path: Path) -> None:
    journal = TickJournal(tmp_path / "ticks")
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        for table in EARLIER:
            columns = warehouse.columns(f"journal.{table}")
            values = ", ".join(f"cast('2026-01-01' as {kind})" for kind in columns.values())
            warehouse.execute(f"insert into journal.{table} values ({values})")
        instant = warehouse.value("select timestamp '2026-03-02 12:00:00'")
        selects = {table: f"select * from journal.{table}" for table in EARLIER}
        commit = journal.write(warehouse, as_of=instant, phase="decided", selects=selects)
        assert {path.stem for path in commit.iterdir()} == set(EARLIER.values())
        assert {table_of(path) for path in commit.iterdir()} == set(EARLIER)
        journal.ingest(warehouse, commit)
        for table, name in EARLIER.items():
            assert journal.files(table) == [commit / f"{name}.parquet"]
            assert warehouse.value(f"select count(*) from journal.{table}") == 2
