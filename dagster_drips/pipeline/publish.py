"""What BI reads: a copy of the marts that is never locked and never half-written.

Each file is written beside its place and renamed into it, so a reader that has the old one open goes on with it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from dagster_drips.files import atomic_write
from dagster_drips.pipeline.status import publish_facts
from dagster_drips.project import FIELDS
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("publish.sql"))


def publish(warehouse: Warehouse, folder: Path) -> dict[str, int]:
    """Write `marts.duckdb` (schema `marts`), `<table>.parquet` for each mart, and what `drips status` reads.

    Beside them, `fields.json` has the names of leads' columns, for the collector.

    Returns:
        Rows by mart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = [row["table_name"] for row in warehouse.rows(_STATEMENTS["marts"])]
    scratch = folder / f".marts.{os.getpid()}.duckdb"
    scratch.unlink(missing_ok=True)
    counts = {}
    warehouse.execute(f"attach {quoted_text(str(scratch))} as published")
    try:
        warehouse.execute("create schema published.marts")
        for table in tables:
            name = quoted_name(table)
            warehouse.execute(f"create table published.marts.{name} as select * from marts.{name}")
            parquet = folder / f".{table}.{os.getpid()}.parquet"
            warehouse.execute(f"copy marts.{name} to {quoted_text(str(parquet))} (format parquet)")
            parquet.replace(folder / f"{table}.parquet")
            counts[table] = warehouse.value(f"select count(*) from marts.{name}")
        warehouse.execute("checkpoint published")
    finally:
        warehouse.execute("detach published")
    scratch.replace(folder / "marts.duckdb")
    publish_facts(warehouse, folder)
    atomic_write(folder / FIELDS, json.dumps(list(warehouse.columns("marts.lead_profiles"))).encode())
    return counts
