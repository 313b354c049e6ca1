"""What runs on a Spark cluster for `warehouse_on_spark`: tables of Parquet files, dbt's models, their rows as files.

Called with the interpreter of an environment that has pyspark and dbt-spark, so nothing of this project is imported
here. One session is all there is: its catalog is gone with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession

_PROFILE = """
drips:
  target: spark
  outputs:
    spark: {type: spark, method: session, host: session, schema: main, threads: 2}
"""
_JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
SETTINGS = {
    # What models rely on.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    # What fits a few thousand rows, two cores and one machine.
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.driver.extraJavaOptions": _JAVA,
    "spark.executor.extraJavaOptions": _JAVA,
    "spark.executor.memory": "1g",
    "spark.executor.cores": "1",
    "spark.sql.shuffle.partitions": "2",
    # Compiling a plan takes longer than running it over so few rows.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
}


def session(folder: Path) -> SparkSession:
    builder = SparkSession.builder.master(os.environ["SPARK_MASTER"]).appName("drips")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return builder.config("spark.sql.warehouse.dir", f"file:{folder / 'tables'}").getOrCreate()


def load(spark: SparkSession, staged: Path) -> None:
    """Tables of Parquet files: a folder `<schema>/<table>` each, and its columns in `<schema>/<table>.columns`."""
    for schema in sorted(staged.iterdir()):
        spark.sql(f"create schema {schema.name}")
        for columns in sorted(schema.glob("*.columns")):
            table = columns.with_suffix("")
            typed = columns.read_text(encoding="utf-8")
            spark.sql(f"create table {schema.name}.{table.name} ({typed}) using parquet location 'file:{table}'")


def unload(spark: SparkSession, schemas: list[str], folder: Path) -> None:
    for schema in schemas:
        for _, name, is_temporary in spark.sql(f"show tables in {schema}").collect():
            if not is_temporary:
                spark.table(f"{schema}.`{name}`").coalesce(1).write.parquet(f"file:{folder / schema / name}")


def main() -> None:
    project, staged, made, schemas, *commands = sys.argv[1:]
    began = time.monotonic()
    spark = session(Path.cwd())
    spark.sparkContext.setLogLevel("ERROR")
    load(spark, Path(staged))
    profiles = Path(project) / "on_spark"
    profiles.mkdir(exist_ok=True)
    (profiles / "profiles.yml").write_text(_PROFILE, encoding="utf-8")
    where = ["--project-dir", project, "--profiles-dir", str(profiles), "--target-path", str(profiles / "target")]
    took: dict[str, float] = {"session and tables": time.monotonic() - began}
    results = {}
    for command in commands:
        began = time.monotonic()
        done = dbtRunner().invoke([*command.split(), *where])
        took[command] = time.monotonic() - began
        if done.exception is not None:
            raise done.exception
        for node in done.result.results:
            results[node.node.unique_id] = {
                "status": str(node.status),
                "message": node.message,
                "seconds": node.execution_time,
            }
    began = time.monotonic()
    if all(result["status"] in ("success", "pass") for result in results.values()):
        unload(spark, schemas.split(","), Path(made))
    took["reading what was made"] = time.monotonic() - began
    Path("results.json").write_text(json.dumps({"results": results, "took": took}, indent=1), encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    main()
