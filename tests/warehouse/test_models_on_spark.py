"""The models on Apache Spark: a standalone cluster of the test's own, and the same rows there as on DuckDB (T3).

What came in and was decided in a golden scenario goes there as Parquet; models are made of it, and those that keep rows
by key once more. Those that decide, and with `--all-on-spark` all of them: plans take a second or two of CPU each, so
all take five minutes of it. Python's side has no Spark yet (docs/spark.md).
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import SCENARIOS, copy_project
from same_rows import MADE, look_later
from spark_cluster import spark_cluster
from warehouse_on_spark import Made, dbt, differences, stage

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

FULL = ("decide.judged_occurrences", "decide.due_steps", "marts.messages", "marts.engagement", "marts.explanations")
"""What has rows when everything behind it was asked."""
DECIDING = ("staging", "kept", "decide", "segments")
"""Schemas of what is made before anything is sent."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> tuple[Path, Made]:
    """DuckDB's file, and what Spark made of what came in there."""
    schemas = MADE if pytestconfig.getoption("--all-on-spark") else DECIDING
    selected = " ".join(f"config.schema:{schema}" for schema in schemas)
    folder = tmp_path_factory.mktemp("spark")
    scenario = SCENARIOS / "spring"
    with spark_cluster(folder / "cluster") as cluster:
        project = copy_project(
            folder / "project",
            sequences=scenario / "sequences",
            segments=scenario / "dbt_project" / "models" / "segments",
            data=scenario / "data",
        )
        kept = folder / "warehouse.duckdb"
        replay = ["replay", "--project", project.root, "--out", folder / "sends.csv", "--warehouse", kept]
        ticks = ["--from", "2026-03-26T00:00:00Z", "--to", "2026-04-01T00:00:00Z", "--every", "12h"]
        subprocess.run([sys.executable, "-m", "dagster_drips", *replay, *ticks], check=True)
        # Thirty-three hours later something is new to be judged, and something is due.
        look_later(kept, timedelta(hours=33))
        assert stage(kept, folder / "staged") > 4000
        made = Transform(project, warehouse=kept).run("run", ["*"])
        assert {node.status for node in made} == {"success"}
        commands = (
            f"build --resource-type model --resource-type seed --select {selected}",
            "run --select " + " ".join(f"config.schema:{schema},config.materialized:incremental" for schema in schemas),
        )
        return kept, dbt(cluster, project, folder / "staged", *commands, schemas=schemas)


def test_models_are_made(both: tuple[Path, Made]) -> None:
    _, made = both
    assert made.messages == {}
    kinds = Counter(node.partition(".")[0] for node in made.statuses)
    assert kinds["model"] > (120 if set(made.schemas) == set(MADE) else 70)
    assert kinds["seed"] > 4


def test_their_rows_are_the_same_as_on_duckdb(both: tuple[Path, Made]) -> None:
    warehouse, made = both
    with open_warehouse(warehouse, read_only=True) as here:
        for model in FULL:
            assert here.value(f"select count(*) from {model}") > 0, model
    assert differences(warehouse, made) == {}


def test_a_tick_says_that_only_models_run_there(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    with pytest.raises(DripsError, match=r"ticks do not yet \(docs/spark.md\)"):
        Transform(project, target="spark")
