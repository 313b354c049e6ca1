"""What stands still during a run of the models, written into their SQL: the tick's instant and the watermarks.

In a view and for dbt they are scalar subqueries (macros `as_of`, `since`, `since_load`, `since_marts` and so on). The
planner knows a constant's value, so it reads only blocks of a table that can match, and has less to plan. What belongs
here is which subqueries these are and what stands in their place; what they mean is the macros' matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import duckdb

from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_SUBQUERY = re.compile(
    r'\(select (as_of|max\(as_of\)|max\(load_id\)) from (?:"[^"]+"\.)?"?raw"?\."?(tick|watermark|marts_watermark)"?\)',
    re.IGNORECASE,
)


def constants(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    """A literal for each of these subqueries, by what it selects and from which table; none where no tick began."""
    try:
        row = warehouse.rows(_STATEMENTS["constants"])[0]
    except duckdb.CatalogException:
        return {}
    if row["as_of"] is None:
        return {}
    values = {("as_of", "tick"): f"timestamp {quoted_text(str(row['as_of']))}"}
    for table in ("watermark", "marts_watermark"):
        since, load_id = row[f"{table}_as_of"], row[f"{table}_load_id"]
        values["max(as_of)", table] = f"timestamp {quoted_text(str(since))}" if since else "cast(null as timestamp)"
        values["max(load_id)", table] = (
            "cast(null as bigint)" if load_id is None else f"cast({quoted_text(str(load_id))} as bigint)"
        )
    return values


def with_constants(sql: str, values: Mapping[tuple[str, str], str]) -> str:
    """The SQL of a table or test with literals in place of its own subqueries; views that it reads keep theirs."""
    return _SUBQUERY.sub(lambda found: values.get((found[1].lower(), found[2].lower()), found[0]), sql)
