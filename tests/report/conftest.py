"""A project whose published marts hold two weeks: tables as dbt's contracts have them, with rows of a few columns."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import DBT_PACKAGE

from dagster_drips.pipeline.publish import DATABASE
from dagster_drips.project import Project
from dagster_drips.report.weeks import Week

WEEK = Week.parse("2026-W10")
"""2 to 8 March 2026."""
ROWS = Path(__file__).with_name("rows.sql")


@cache
def mart_columns() -> dict[str, dict[str, str]]:
    """Types by mart and column, as the contracts say."""
    documents = [yaml.safe_load(file.read_text()) for file in DBT_PACKAGE.glob("models/marts/*.yml")]
    models: list[dict[str, Any]] = [model for document in documents for model in document.get("models") or []]
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for model in models
        if all("data_type" in column for column in model["columns"])
    }


def write_marts(file: Path, rows: str = "") -> None:
    """The published database with empty marts, and rows put into them."""
    with duckdb.connect(file) as connection:
        connection.execute("create schema marts")
        for name, columns in mart_columns().items():
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"create table marts.{name} ({listed})")
        if rows:
            connection.execute(rows)


def make_project(root: Path, rows: str) -> Project:
    for name in ("sequences", "dbt_project/models/segments", "data/published/versions/v1"):
        (root / name).mkdir(parents=True)
    (root / "data" / "journal").mkdir()
    (root / "sequences" / "senders.yml").write_text(
        "default: acme\nsenders:\n  acme: {name: Acme, email: news@acme.example, reply_to: help@acme.example}\n"
    )
    (root / "sequences" / "project.yml").write_text("report:\n  to: [ada@acme.example, grace@acme.example]\n")
    project = Project.at(root)
    write_marts(project.published / "versions" / "v1" / DATABASE, rows)
    (project.published / "current").symlink_to("versions/v1")
    return project


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("report") / "shop", ROWS.read_text())


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    shutil.copytree(made.root, tmp_path / "shop", symlinks=True)
    return Project.at(tmp_path / "shop")
