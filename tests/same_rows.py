"""What engines make of the same warehouse, compared row by row (T3): DuckDB's file beside what another one made."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dagster_drips.warehouse.marts_watermark import BROUGHT_UP_TO_DATE
from dagster_drips.warehouse.quoting import quoted_name

CAME_IN = ("raw", "journal")
"""Schemas of what came in and was decided, from which models make everything else."""
MADE = ("staging", "kept", "decide", "after_sending", "intermediate", "marts", "segments")


def look_later(warehouse: Path, later: timedelta) -> None:
    """Take the tick that is to be decided to be so much later, and let all models be made anew."""
    with duckdb.connect(warehouse) as database:
        for table in ("watermark", "watermark_sequences", "marts_watermark", "unmeasured_deliveries"):
            database.execute(f"delete from raw.{table}")
        database.execute("update raw.tick set as_of = as_of + $1, sending_at = sending_at + $1", [later])
        for table in (*tables(database, ("kept",)), *BROUGHT_UP_TO_DATE):
            database.execute(f"drop table if exists {table}")


def differences(
    warehouse: Path,
    rows_of: Callable[[str, list[str]], Iterable[tuple[Any, ...]]],
    schemas: tuple[str, ...] = MADE,
) -> dict[str, list[tuple[Any, Any]]]:
    """What was made on both and is not the same, by table: the first rows that differ, DuckDB's first.

    `rows_of` gives another engine's rows of a table, named as DuckDB's SQL names it, with these columns, quoted.
    """
    found = {}
    with duckdb.connect(warehouse, read_only=True) as here:
        for table in tables(here, schemas):
            names = sorted(quoted_name(name) for name, *_ in here.execute(f"describe {table}").fetchall())
            ours = _normal(here.execute(f"select {', '.join(names)} from {table}").fetchall())
            theirs = _normal(rows_of(table, names))
            if ours != theirs:
                pairs = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
                found[table] = pairs[:3] or [(len(ours), len(theirs))]
    return found


def tables(database: duckdb.DuckDBPyConnection, schemas: tuple[str, ...]) -> list[str]:
    asked = "select table_schema, table_name from information_schema.tables where table_schema in $1 order by all"
    return [
        f"{quoted_name(schema)}.{quoted_name(name)}" for schema, name in database.execute(asked, [schemas]).fetchall()
    ]


def _normal(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return sorted(repr([_value(value) for value in row]) for row in rows)


def _value(value: Any) -> Any:
    """What is equal where types and the last digits of sums are not."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return float(f"{float(value):.11g}") if math.isfinite(value) else float(value)
    if isinstance(value, str) and value.startswith("{"):
        return _value_of_json(value)
    return value


def _value_of_json(text: str) -> Any:
    try:
        return json.dumps(_whole(json.loads(text)), sort_keys=True)
    except ValueError:
        return text


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return _value(value) if isinstance(value, int | float) else value
