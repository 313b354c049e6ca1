"""A DuckDB warehouse moved to PostgreSQL, and what dbt makes of both compared row by row (T3).

Only what came in and was decided is moved; everything else is made there by the models.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from postgres_server import PostgresServer

import dagster_drips.warehouse
from dagster_drips.project import Project
from dagster_drips.warehouse.marts_watermark import BROUGHT_UP_TO_DATE
from dagster_drips.warehouse.quoting import quoted_name

DATABASE = "drips"
_SCHEMA_FILES = ("schema.sql", "schema_journal.sql")
_MADE = ("staging", "kept", "decide", "after_sending", "intermediate", "marts", "segments")
_TYPES = {"DOUBLE": "double precision", "VARCHAR": "varchar", "VARCHAR[]": "varchar[]"}
_PROFILE = """
drips:
  target: postgres
  outputs:
    postgres:
      type: postgres
      host: 127.0.0.1
      port: {port}
      user: {user}
      password: "{{{{ env_var('PGPASSWORD') }}}}"
      dbname: {database}
      schema: main
      threads: 2
"""


def prepare(server: PostgresServer) -> None:
    """A database with the tables that dbt does not own, as a warehouse has them that is opened a second time."""
    server.execute(f"create database {DATABASE}")
    for _ in range(2):
        for name in _SCHEMA_FILES:
            sql = Path(dagster_drips.warehouse.__file__).with_name(name).read_text(encoding="utf-8")
            server.execute(sql, database=DATABASE)


def dbt(server: PostgresServer, project: Project, *arguments: str) -> dict[str, Any]:
    """Run dbt on it; returns dbt's own results, whatever they are."""
    profiles = project.dbt / "on_postgres"
    profiles.mkdir(exist_ok=True)
    written = _PROFILE.format(port=server.port, user=server.user, database=DATABASE)
    (profiles / "profiles.yml").write_text(written, encoding="utf-8")
    command = [*(sys.executable, "-m", "dbt.cli.main", *arguments), "--project-dir", str(project.dbt)]
    done = subprocess.run(
        [*command, "--profiles-dir", str(profiles), "--target-path", str(profiles / "target")],
        env=os.environ | {"PGPASSWORD": server.password},
        capture_output=True,
        text=True,
        check=False,
    )
    found = profiles / "target" / "run_results.json"
    assert found.exists(), done.stdout + done.stderr
    return json.loads(found.read_text(encoding="utf-8"))


def look_later(warehouse: Path, later: timedelta) -> None:
    """Take the tick that is to be decided to be so much later, and let all models be made anew."""
    with duckdb.connect(warehouse) as database:
        for table in ("watermark", "watermark_sequences", "marts_watermark", "unmeasured_deliveries"):
            database.execute(f"delete from raw.{table}")
        database.execute("update raw.tick set as_of = as_of + $1, sending_at = sending_at + $1", [later])
        for table in (*_tables(database, ("kept",)), *BROUGHT_UP_TO_DATE):
            database.execute(f"drop table if exists {table}")


def move(warehouse: Path, server: PostgresServer) -> int:
    """Copy what came in and was decided; returns how many rows."""
    import psycopg2
    from psycopg2.extras import execute_values

    rows_in_all = 0
    there = psycopg2.connect(server.url(DATABASE))
    with duckdb.connect(warehouse, read_only=True) as here, there, there.cursor() as cursor:
        for table in _tables(here, ("raw", "journal")):
            cursor.execute("select to_regclass(%s)", (table,))
            if cursor.fetchone() == (None,):
                continue  # Python's own bookkeeping, which no model reads
            columns = {quoted_name(name): kind for name, kind, *_ in here.execute(f"describe {table}").fetchall()}
            for name, kind in columns.items():
                cursor.execute(f"alter table {table} add column if not exists {name} {_TYPES.get(kind, kind)}")
            rows = here.execute(f"select * from {table}").fetchall()
            execute_values(cursor, f"insert into {table} ({', '.join(columns)}) values %s", rows or [], page_size=2000)
            rows_in_all += len(rows)
    there.close()
    return rows_in_all


def differences(warehouse: Path, server: PostgresServer) -> dict[str, list[tuple[Any, Any]]]:
    """What dbt made on both and is not the same, by table: the first rows that differ, DuckDB's before PostgreSQL's."""
    found = {}
    with duckdb.connect(warehouse, read_only=True) as here:
        for table in _tables(here, _MADE):
            names = sorted(quoted_name(name) for name, *_ in here.execute(f"describe {table}").fetchall())
            asked = f"select {', '.join(names)} from {table}"
            ours = _normal(here.execute(asked).fetchall())
            theirs = _normal(server.execute(asked, database=DATABASE))
            if ours != theirs:
                pairs = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
                found[table] = pairs[:3] or [(len(ours), len(theirs))]
    return found


def _tables(database: duckdb.DuckDBPyConnection, schemas: tuple[str, ...]) -> list[str]:
    asked = "select table_schema, table_name from information_schema.tables where table_schema in $1 order by all"
    return [
        f"{quoted_name(schema)}.{quoted_name(name)}" for schema, name in database.execute(asked, [schemas]).fetchall()
    ]


def _normal(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return sorted(repr([_value(value) for value in row]) for row in rows)


def _value(value: Any) -> Any:
    """What is equal where types and the last digits of sums are not."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return float(f"{float(value):.11g}") if math.isfinite(value) else float(value)
    if isinstance(value, str) and value.startswith("{"):
        return _value_of_json(value)
    return value


def _value_of_json(text: str) -> Any:
    try:
        return json.dumps(_whole(json.loads(text)), sort_keys=True)
    except ValueError:
        return text


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return _value(value) if isinstance(value, int | float) else value
