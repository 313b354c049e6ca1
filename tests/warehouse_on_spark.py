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
import yaml
from spark_cluster import SparkCluster

from dagster_drips.pipeline.dbt_package import PACKAGE
from dagster_drips.project import Project
from dagster_drips.warehouse.quoting import quoted_name

_TYPES = {
    "VARCHAR": "string",
    "VARCHAR[]": "array<string>",
    "TIMESTAMP": "timestamp_ntz",
}
_SCRIPT = Path(__file__).with_name("build_on_spark.py")


@dataclass(frozen=True)
class Made:
    """What dbt said of each node that it made there, and the folder with all rows.

    Args:
        statuses: by dbt's unique id; of a node that was made twice, the second time's.
        messages: of those that went wrong.
        seconds: that the steps of the script took.
        folder: Parquet files in `<schema>/<table>/`.
        schemas: which of them there are.
    """

    statuses: dict[str, str]
    messages: dict[str, str]
    seconds: dict[str, float]
    folder: Path
    schemas: tuple[str, ...]


def stage(warehouse: Path, folder: Path) -> int:
    """Write what came in and was decided as Parquet files, a folder a table, and its columns; returns how many rows."""
    rows = 0
    with duckdb.connect(warehouse, read_only=True) as here:
        for schema, name in sorted(_read_by_models()):
            table = f"{quoted_name(schema)}.{quoted_name(name)}"
            place = folder / schema / name
            place.mkdir(parents=True)
            copied = here.execute(f"copy {table} to '{place / 'rows.parquet'}' (format parquet)").fetchone()
            rows += copied[0] if copied else 0
            columns = [f"`{name}` {_TYPES.get(kind, kind)}" for name, kind, *_ in _described(here, table)]
            (folder / schema / f"{name}.columns").write_text(", ".join(columns), encoding="utf-8")
    return rows


def _read_by_models() -> set[tuple[str, str]]:
    """Tables that are dbt's sources, by schema and name; whatever else there is Python keeps for itself."""
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in PACKAGE.glob("models/sources*.yml")]
    sources = [source for file in files for source in file["sources"]]
    return {(source.get("schema", source["name"]), table["name"]) for source in sources for table in source["tables"]}


def _described(database: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, ...]]:
    return database.execute(f"describe {table}").fetchall()


def dbt(
    cluster: SparkCluster, project: Project, staged: Path, *commands: str, schemas: tuple[str, ...] = same_rows.MADE
) -> Made:
    """Run commands of dbt there, one after the other in one session, and fetch all rows of these schemas."""
    made = cluster.folder / "made"
    done = cluster.run(_SCRIPT, project.dbt, staged, made, ",".join(schemas), *commands)
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
        schemas=schemas,
    )


def differences(warehouse: Path, made: Made) -> dict[str, list[tuple[Any, Any]]]:
    """What dbt made on both and is not the same, by table: the first rows that differ, DuckDB's before Spark's."""

    def theirs(table: str, names: list[str]) -> list[Any]:
        files = made.folder.joinpath(*table.replace('"', "").split(".")) / "*.parquet"
        with duckdb.connect() as reader:
            return reader.execute(f"select {', '.join(names)} from read_parquet('{files}')").fetchall()

    return same_rows.differences(warehouse, theirs, made.schemas)
