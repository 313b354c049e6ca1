"""What a BI tool has to do to see a new tick, as docs/bi.md says for each: SQLAlchemy's pools, DuckDB's connections.

SQLAlchemy and its dialect for DuckDB are installed into a folder of their own: this project needs neither, and the
version of SQLAlchemy that Dagster brings can't reflect DuckDB's columns.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dagster_drips.pipeline.publish import publish
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

WANTED = ["duckdb-engine==0.17.0", "sqlalchemy>=2.0,<2.1"]

KEPT_OPEN = """
import sys
import sqlalchemy
from sqlalchemy.pool import NullPool

url, pool = f"duckdb:///{sys.argv[1]}", {"null": NullPool, "default": None}[sys.argv[2]]
engine = sqlalchemy.create_engine(url, connect_args={"read_only": True}, poolclass=pool)
columns = sqlalchemy.inspect(engine).get_columns("messages", schema="marts")
print([column["name"] for column in columns], flush=True)
for _ in sys.stdin:
    with engine.connect() as connection:
        print(connection.execute(sqlalchemy.text("select max(tick) from marts.messages")).scalar(), flush=True)
"""
"""Asks the same engine for the newest tick at each line that it is given."""


@pytest.fixture(scope="module")
def sqlalchemy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sqlalchemy")
    options = ["--quiet", "--target", str(folder), "--no-deps", *WANTED]
    uv = ["pip", "install", "--python", sys.executable]
    reasons = []
    for installer in ([sys.executable, "-m", "pip", "install"], ["uv", *uv], ["python3", "-m", "uv", *uv]):
        try:
            # Not in the repository: uv would hold to the versions that its pyproject.toml locks.
            done = subprocess.run([*installer, *options], cwd=folder, capture_output=True, text=True, check=False)
        except OSError as error:
            reasons.append(str(error))
            continue
        if done.returncode == 0:
            return folder
        reasons.append(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no reason given")
    pytest.skip(f"SQLAlchemy's dialect can't be installed: {'; '.join(reasons)}")


class Ticks:
    """A published folder whose next tick can be had."""

    def __init__(self, root: Path):
        self.published = root / "published"
        self._warehouse = root / "warehouse.duckdb"
        self._number = 0
        self.next()

    def next(self) -> None:
        self._number += 1
        with open_warehouse(self._warehouse) as warehouse:
            warehouse.execute("create schema if not exists marts")
            for table in ("messages", "lead_profiles", "step_decisions"):
                warehouse.execute(f"create or replace table marts.{table} as select {self._number} as tick")
            publish(warehouse, self.published)


@pytest.fixture
def ticks(tmp_path: Path) -> Ticks:
    return Ticks(tmp_path)


@pytest.mark.parametrize(("pool", "seen"), [("null", ["1", "2", "3"]), ("default", ["1", "1", "1"])])
def test_sqlalchemy_sees_a_new_tick_without_a_pool_and_no_other_way(
    sqlalchemy: Path, ticks: Ticks, pool: str, seen: list[str]
) -> None:
    command = [sys.executable, "-c", KEPT_OPEN, ticks.published / "drips.duckdb", pool]
    environment = os.environ | {"PYTHONPATH": str(sqlalchemy)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "['tick']\n"
        found = []
        for number in range(3):
            if number:
                ticks.next()
            process.stdin.write("ask\n")
            process.stdin.flush()
            found.append(process.stdout.readline().strip())
        process.stdin.close()
    assert found == seen


def _newest(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return connection.execute(f"select max(tick) from {table}").fetchall()[0][0]


def test_a_connection_of_duckdb_shows_its_tick_until_it_is_opened_anew(ticks: Ticks) -> None:
    with duckdb.connect(ticks.published / "drips.duckdb", read_only=True) as kept:
        ticks.next()
        assert _newest(kept, "marts.messages") == 1
        with duckdb.connect(ticks.published / "drips.duckdb", read_only=True) as anew:
            assert _newest(anew, "marts.messages") == 2, "in the process of the kept one, too"


def test_a_database_that_attaches_the_file_sees_a_new_tick_when_it_attaches_anew(ticks: Ticks) -> None:
    attach = f"attach or replace '{ticks.published / 'drips.duckdb'}' as drips (read_only)"
    with duckdb.connect() as connection:
        connection.execute(attach)
        ticks.next()
        assert _newest(connection, "drips.marts.messages") == 1
        connection.execute(attach)
        assert _newest(connection, "drips.marts.messages") == 2


def test_a_view_over_the_current_parquet_files_sees_every_tick(ticks: Ticks, tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "bi.duckdb") as connection:
        for table in ("messages", "lead_profiles"):
            file = ticks.published / "current" / f"{table}.parquet"
            connection.execute(f"create view {table} as select * from read_parquet('{file}')")
        for tick in (1, 2, 3):
            assert (_newest(connection, "messages"), _newest(connection, "lead_profiles")) == (tick, tick)
            ticks.next()
