"""docs/intake.md's file for dlt, run against a real PostgreSQL: what is new in a table is landed, and loaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

import pytest
from conftest import REPOSITORY, copy_project
from own_environments import environment

from dagster_drips.landing.files import ignored_files
from dagster_drips.landing.load import load_landing
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

postgres = pytest.importorskip("postgres_server", reason="there is no PostgreSQL among the tests yet")

PAGE = (REPOSITORY / "docs" / "intake.md").read_text(encoding="utf-8")
[SCRIPT] = re.findall(r"^```python\n# land_customers\.py\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TABLE = """
create table customers (
    lead_id text primary key, created_at timestamptz, updated_at timestamptz, email text, first_name text,
    seats integer, notes text
);
insert into customers values
    ('ada', '2026-02-01 10:00:00+01', '2026-02-01 10:00:00+01', 'ada@x.example', 'Ada', 3, 'private'),
    ('bob', '2026-02-02', '2026-02-02', 'bob@x.example', null, null, null);
"""
CHANGE = "update customers set seats = 4, updated_at = '2026-03-01' where lead_id = 'ada'"


@pytest.fixture(scope="module")
def programs() -> Path:
    return environment("dlt[filesystem,parquet,sql_database]==1.31.0", "psycopg2-binary", "pyarrow")


@pytest.fixture(scope="module")
def server() -> Generator[postgres.PostgresServer]:
    with postgres.postgres_server() as started:
        yield started


def test_what_is_new_in_a_table_is_landed(programs: Path, server: postgres.PostgresServer, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    shutil.rmtree(project.dbt / "target")
    (project.root / "land_customers.py").write_text(SCRIPT)
    server.execute(TABLE)
    load(programs, server, project)
    leads = tick(project, 1)
    assert leads == [("ada", datetime(2026, 2, 1, 9), 3), ("bob", datetime(2026, 2, 2), None)]
    load(programs, server, project)
    assert tick(project, 2) == leads
    server.execute(CHANGE)
    load(programs, server, project)
    assert ("ada", datetime(2026, 2, 1, 9), 4) in tick(project, 3)
    assert ignored_files(project) == []
    assert len(list((project.landing / "leads").glob("*.parquet"))) == 2


def load(programs: Path, server: postgres.PostgresServer, project: Project) -> None:
    home = project.root / "home"
    home.mkdir(exist_ok=True)
    url = server.url().replace("postgresql://", "postgresql+psycopg2://")
    done = subprocess.run(
        [str(programs / "python"), "land_customers.py"],
        cwd=project.root,
        env={**os.environ, "SHOP_DATABASE": url, "HOME": str(home), "RUNTIME__DLTHUB_TELEMETRY": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def tick(project: Project, day: int) -> list[tuple[object, ...]]:
    """Leads after a load: what a tick does with files needs no tick to be seen."""
    with open_warehouse(project.warehouse) as warehouse:
        report = load_landing(
            project, warehouse, kinds=["leads"], fields={"seats": "integer"}, loaded_at=datetime(2026, 3, day)
        )["leads"]
        assert (report.rejected, report.duplicates) == (0, 0)
        newest = "select lead_id, created_at, arg_max_null(seats, _load) as seats from raw.leads group by all"
        columns = warehouse.columns("raw.leads")
        assert "notes" not in columns
        assert not [name for name in columns if name.startswith("_dlt")]
        rows = warehouse.rows(newest.replace("group by all", "group by lead_id, created_at order by lead_id"))
    return [tuple(row.values()) for row in rows]
