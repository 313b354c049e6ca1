"""A DuckDB warehouse moved to Apache Spark, and what dbt makes of both compared row by row (T3).

Only what came in and was decided is moved, as Parquet; everything else is made there by the models.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import same_rows
from spark_cluster import SparkCluster

from dagster_drips.project import Project

_SCRIPT = Path(__file__).with_name("build_on_spark.py")


@dataclass(frozen=True)
class Made:
    """What dbt said of each node that it made there, and the folder with all rows.

    Args:
        statuses: by dbt's unique id; of a node that was made twice, the second time's.
        messages: of those that went wrong.
        seconds: that the steps of the script took.
        folder: Parquet files in `<schema>/<table>/`.
    """

    statuses: dict[str, str]
    messages: dict[str, str]
    seconds: dict[str, float]
    folder: Path


def stage(warehouse: Path, folder: Path) -> int:
    """Write what came in and was decided as Parquet files, a folder a table; returns how many rows."""
    rows = 0
    with duckdb.connect(warehouse, read_only=True) as here:
        for table in same_rows.tables(here, same_rows.CAME_IN):
            place = folder.joinpath(*table.replace('"', "").split("."))
            place.mkdir(parents=True)
            copied = here.execute(f"copy {table} to '{place / 'rows.parquet'}' (format parquet)").fetchone()
            rows += copied[0] if copied else 0
    return rows


def dbt(cluster: SparkCluster, project: Project, staged: Path, *commands: str) -> Made:
    """Run commands of dbt there, one after the other in one session, and fetch all rows of what they made."""
    made = cluster.folder / "made"
    schemas = ",".join(same_rows.MADE)
    done = cluster.run(_SCRIPT, project.dbt, staged, made, schemas, *commands)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    said = json.loads((cluster.folder / "results.json").read_text(encoding="utf-8"))
    results = said["results"]
    return Made(
        statuses={node: result["status"] for node, result in results.items()},
        messages={
            node: result["message"] for node, result in results.items() if result["status"] not in ("success", "pass")
        },
        seconds=said["took"],
        folder=made,
    )


def differences(warehouse: Path, made: Made) -> dict[str, list[tuple[Any, Any]]]:
    """What dbt made on both and is not the same, by table: the first rows that differ, DuckDB's before Spark's."""

    def theirs(table: str, names: list[str]) -> list[Any]:
        files = made.folder.joinpath(*table.replace('"', "").split(".")) / "*.parquet"
        with duckdb.connect() as reader:
            return reader.execute(f"select {', '.join(names)} from read_parquet('{files}')").fetchall()

    return same_rows.differences(warehouse, theirs)
