"""A project folder to land files in, and its warehouse."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_drips.landing.load import LoadReport, load_landing
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse.port import Warehouse, open_warehouse

LOADED_AT = datetime(2026, 3, 1, 12)


class Landing:
    """Lands files and loads them."""

    def __init__(self, project: Project, warehouse: Warehouse):
        self.project = project
        self.warehouse = warehouse

    def path(self, path: str) -> Path:
        return self.project.landing / path

    def put(self, path: str, content: str | bytes) -> Path:
        data = content.encode() if isinstance(content, str) else content
        target = self.path(path)
        target.write_bytes(gzip.compress(data) if path.endswith(".gz") else data)
        return target

    def put_rows(self, path: str, *rows: dict[str, Any]) -> Path:
        return self.put(path, "".join(json.dumps(row) + "\n" for row in rows))

    def load(self, **options: Any) -> dict[str, LoadReport]:
        return load_landing(self.project, self.warehouse, loaded_at=LOADED_AT, **options)

    def rows(self, kind: str, *columns: str) -> list[Any]:
        """A raw table in the order of loading; bare values where one column is asked for."""
        found = self.warehouse.rows(f"from raw.{kind} order by _load, _line")
        if len(columns) == 1:
            return [row[columns[0]] for row in found]
        return [tuple(row[column] for column in columns) for row in found] if columns else found

    def rejected(self) -> list[tuple[int, str]]:
        found = self.warehouse.rows("select line, reason from raw.rejected_rows order by _load, kind, file, line")
        return [(row["line"], row["reason"]) for row in found]

    def reasons(self) -> list[str]:
        return [reason for _, reason in self.rejected()]


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse's file with its schemas, to be copied: making them takes longer than a test."""
    path = tmp_path_factory.mktemp("landing") / "warehouse.duckdb"
    with open_warehouse(path):
        pass
    return path


@pytest.fixture
def landing(tmp_path: Path, empty_warehouse: Path) -> Iterator[Landing]:
    project = Project(tmp_path)
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    shutil.copy(empty_warehouse, project.warehouse)
    warehouse = Warehouse(duckdb.connect(str(project.warehouse)))
    yield Landing(project, warehouse)
    warehouse.close()
