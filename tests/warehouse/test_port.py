"""Rows into DuckDB: what a frame may hold, and what an error leaves behind. `test_duckdb_2` runs this on DuckDB 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from dagster_drips.warehouse import Warehouse, open_warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path / "warehouse.duckdb") as opened:
        opened.execute("create table t (a varchar, b bigint, c varchar[], d struct(x varchar, y bigint), e timestamp)")
        yield opened


def test_columns_of_nothing_but_nulls_are_taken_at_any_depth(warehouse: Warehouse) -> None:
    frame = pl.DataFrame(
        {"a": [None, None], "b": [None, 1], "c": [[None], None], "d": [{"x": None, "y": None}, None], "e": [None, None]}
    )
    assert frame.schema["a"] == pl.Null
    assert warehouse.append("t", frame) == 2
    assert warehouse.rows("select a, b, c, d.x as x, e from t order by b") == [
        {"a": None, "b": 1, "c": None, "x": None, "e": None},
        {"a": None, "b": None, "c": [None], "x": None, "e": None},
    ]


def test_rows_of_nothing_but_nulls_are_taken(warehouse: Warehouse) -> None:
    assert warehouse.append_rows("t", [{"a": None, "b": None, "c": None, "e": None}]) == 1
    assert warehouse.value("select count(*) from t where a is null and c is null") == 1


def test_what_went_wrong_in_a_transaction_is_told_and_nothing_is_left(warehouse: Warehouse) -> None:
    with pytest.raises(Exception, match="no number"), warehouse.transaction():
        warehouse.append_rows("t", [{"b": "no number"}])
    assert warehouse.append_rows("t", [{"b": 1}]) == 1
    assert warehouse.value("select count(*) from t") == 1


def test_after_modest_work_there_is_as_much_memory_as_before(tmp_path):
    with open_warehouse(tmp_path / "w.duckdb") as warehouse:

        def limit() -> str:
            # What the engine keeps to, which is not always what its setting says.
            return warehouse.rows("pragma database_size")[0]["memory_limit"]

        before = limit()
        for _ in range(3):
            with warehouse.modest():
                assert limit() == "122.0 MiB"
            assert limit() == before


BINDS = """
import sys
from datetime import datetime
from pathlib import Path
from dagster_drips.warehouse import open_warehouse
with open_warehouse(Path(sys.argv[1])) as warehouse:
    warehouse.execute("create table t (a varchar, b timestamp)")
    warehouse.append_rows("t", [{"a": str(number), "b": datetime(2026, 3, 1)} for number in range(50_000)])
    assert warehouse.value("select count(*) from t where b = ?", [datetime(2026, 3, 1)]) == 50_000
    assert warehouse.rows("select a from t where a = $a", {"a": "7"}) == [{"a": "7"}]
    assert warehouse.frame("select a from t where a = ?", ["7"]).height == 1
    assert len(next(warehouse.batches("select a from t where b = ?", [datetime(2026, 3, 1)]))) == 10_000
print(*sorted({"pandas", "pyarrow"} & set(sys.modules)))
import pandas, pyarrow
"""


@pytest.mark.skipif(not find_spec("pandas") or not find_spec("pyarrow"), reason="needs both, to leave them out")
def test_values_and_frames_are_handed_over_without_importing_what_is_installed_beside_us(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BINDS, str(tmp_path / "w.duckdb")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_a_new_file_keeps_how_it_is_written(tmp_path: Path) -> None:
    version = "select tags['storage_version'] from duckdb_databases() where not internal"
    for _ in range(2):
        with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
            assert warehouse.value(version) == "v1.3.0+"
