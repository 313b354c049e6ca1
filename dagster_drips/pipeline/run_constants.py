"""What stands still during a run of the models, written into their SQL: the tick's instant and the watermark.

In a view and for dbt they are scalar subqueries (macros `as_of`, `since`, `since_load`). The planner knows a constant's
value, so it reads only blocks of a table that can match, and has less to plan. What belongs here is which subqueries
these are and what stands in their place; what they mean is the macros' matter.
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
    r'\(select (as_of|max\(as_of\)|max\(load_id\)) from (?:"[^"]+"\.)?"?raw"?\."?(tick|watermark)"?\)', re.IGNORECASE
)


def constants(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    """A literal for each of these subqueries, by what it selects and from which table; none where no tick began."""
    try:
        row = warehouse.rows(_STATEMENTS["constants"])[0]
    except duckdb.CatalogException:
        return {}
    if row["as_of"] is None:
        return {}
    since, load_id = row["since"], row["load_id"]
    return {
        ("as_of", "tick"): f"timestamp {quoted_text(str(row['as_of']))}",
        ("max(as_of)", "watermark"): f"timestamp {quoted_text(str(since))}" if since else "cast(null as timestamp)",
        ("max(load_id)", "watermark"): "cast(null as bigint)"
        if load_id is None
        else f"cast({quoted_text(str(load_id))} as bigint)",
    }


def with_constants(sql: str, values: Mapping[tuple[str, str], str]) -> str:
    """The SQL of a table or test with literals in place of its own subqueries; views that it reads keep theirs."""
    return _SUBQUERY.sub(lambda found: values.get((found[1].lower(), found[2].lower()), found[0]), sql)
