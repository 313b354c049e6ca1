"""A DuckDB warehouse moved to PostgreSQL, and what dbt makes of both compared row by row (T3).

Only what came in and was decided is moved; everything else is made there by the models.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import same_rows
from postgres_server import PostgresServer

import dagster_drips.warehouse
from dagster_drips.project import Project
from dagster_drips.warehouse.quoting import quoted_name

DATABASE = "drips"
_SCHEMA_FILES = ("schema.sql", "schema_journal.sql")
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


def move(warehouse: Path, server: PostgresServer) -> int:
    """Copy what came in and was decided; returns how many rows."""
    import psycopg2
    from psycopg2.extras import execute_values

    rows_in_all = 0
    there = psycopg2.connect(server.url(DATABASE))
    with duckdb.connect(warehouse, read_only=True) as here, there, there.cursor() as cursor:
        for table in same_rows.tables(here, same_rows.CAME_IN):
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

    def theirs(table: str, names: list[str]) -> list[Any]:
        return server.execute(f"select {', '.join(names)} from {table}", database=DATABASE)

    return same_rows.differences(warehouse, theirs)
