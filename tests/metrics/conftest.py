"""A project with a published set of one tick, made by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from dagster_drips.pipeline.publish import DATABASE
from dagster_drips.pipeline.status import publish_facts
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

TICK = datetime(2026, 3, 2, 12)
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("metrics") / "shop"
    for name in ("sequences", "dbt_project", "data/published/versions/v1"):
        (root / name).mkdir(parents=True)
    project = Project.at(root)
    folder = project.published / "versions" / "v1"
    with open_warehouse(project.warehouse) as warehouse:
        for statement in (HERE / "facts.sql").read_text().split(";\n"):
            warehouse.execute(statement)
        publish_facts(warehouse, folder)
    _write(folder / DATABASE)
    (project.published / "current").symlink_to("versions/v1")
    return project


def _write(file: Path) -> None:
    import duckdb

    with duckdb.connect(file) as connection:
        connection.execute((HERE / "published.sql").read_text())
