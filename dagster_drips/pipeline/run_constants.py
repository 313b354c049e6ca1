"""What stands still during a run of the models, written into their SQL: the tick's instant, the watermarks, and from
when on it looks at events.

In a view and for dbt they are scalar subqueries (macros `as_of`, `since`, `since_load`, `since_marts`,
`earliest_trigger` and so on). The planner knows a constant's value, so it reads only blocks of a table that can match,
and has less to plan. What belongs here is which subqueries these are and what stands in their place; what they mean is
the macros' matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_SUBQUERY = re.compile(
    r'\(select (as_of|max\(\w+\)) from (?:"[^"]+"\.)?"?(?:raw|decide)"?'
    r'\."?(tick|watermark|marts_watermark|earliest_triggers)"?\)',
    re.IGNORECASE,
)
_MADE_BY_A_RUN = "earliest_triggers"
"""The model, of one row."""


def constants(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    """A literal for each of these subqueries, by what it selects and from which table; none where no tick began."""
    try:
        row = warehouse.rows(_STATEMENTS["constants"])[0]
    except duckdb.CatalogException:
        return {}
    if row["as_of"] is None:
        return {}
    values = {("as_of", "tick"): _timestamp(row["as_of"])}
    for table in ("watermark", "marts_watermark"):
        load_id = row[f"{table}_load_id"]
        values["max(as_of)", table] = _timestamp(row[f"{table}_as_of"])
        values["max(load_id)", table] = (
            "cast(null as bigint)" if load_id is None else f"cast({quoted_text(str(load_id))} as bigint)"
        )
    return values


def constants_made_by(warehouse: Warehouse, model: str) -> dict[tuple[str, str], str]:
    """Likewise what a run has found when it has made this model; none of most."""
    if model != _MADE_BY_A_RUN:
        return {}
    row = warehouse.rows(_STATEMENTS[_MADE_BY_A_RUN])[0]
    return {(f"max({column})", model): _timestamp(instant) for column, instant in row.items()}


def _timestamp(instant: datetime | None) -> str:
    return f"timestamp {quoted_text(str(instant))}" if instant else "cast(null as timestamp)"


def with_constants(sql: str, values: Mapping[tuple[str, str], str]) -> str:
    """The SQL of a table or test with literals in place of its own subqueries; views that it reads keep theirs."""
    return _SUBQUERY.sub(lambda found: values.get((found[1].lower(), found[2].lower()), found[0]), sql)
