"""The columns of `raw.leads` and of what is staged for it: one a custom field, of its type.

How a table gets columns belongs here; which fields there are is said by `fields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dagster_drips.landing.fields import LeadFields
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("load.sql"))

# Each `alter table` costs the more, the wider the table is: 2,000 take 20 seconds, and a copy of few rows none.
_ALTERED_AT_ONCE = 16


def add_fields(warehouse: Warehouse, fields: LeadFields) -> dict[str, int]:
    """Give `raw.leads` a column for each custom field, of its type; safe to repeat. To be called in a transaction.

    A column that is there with another type is changed; what does not fit the new one becomes null.

    Returns:
        How many values did not fit, by field; the landing files still have them.
    """
    stored = warehouse.columns("raw.leads")
    types = {name: fields.type_of(name).sql for name in fields.custom()}
    lost = {}
    for name, sql_type in types.items():
        if stored.get(name, sql_type) != sql_type:
            column = quoted_name(name)
            fits = warehouse.fitting(column, sql_type)
            count = warehouse.value(f"select count(*) from raw.leads where {column} is not null and {fits} is null")
            if count:
                lost[name] = count
            warehouse.change_type("raw.leads", column, sql_type)
    new = {name: sql_type for name, sql_type in types.items() if name not in stored}
    if len(new) <= _ALTERED_AT_ONCE or warehouse.adds_columns_cheaply:
        for name, sql_type in new.items():
            warehouse.execute(f"alter table raw.leads add column {quoted_name(name)} {sql_type}")
    else:
        _make_wider(warehouse, new)
    return lost


def widen_staged(warehouse: Warehouse, new: Mapping[str, str]) -> None:
    """Give the staged rows more columns.

    Args:
        warehouse: with the temporary table `landing_staged`.
        new: types by name.
    """
    if warehouse.adds_columns_cheaply:
        for name, sql_type in new.items():
            warehouse.execute(f"alter table landing_staged add column {quoted_name(name)} {sql_type}")
        return
    added = ", ".join(f"cast(null as {sql_type}) as {quoted_name(name)}" for name, sql_type in new.items())
    warehouse.execute(f"create or replace temp table landing_staged as select *, {added} from landing_staged")


def _make_wider(warehouse: Warehouse, new: Mapping[str, str]) -> None:
    """Copy `raw.leads` into a table with these columns behind its own, and put it in its place."""
    columns = warehouse.rows(_STATEMENTS["lead_columns"])
    kept = [
        f"{quoted_name(row['name'])} {row['sql_type']}{' not null' if row['is_required'] else ''}" for row in columns
    ]
    added = [f"{quoted_name(name)} {sql_type}" for name, sql_type in new.items()]
    warehouse.execute(f"create table raw._drips_leads ({', '.join([*kept, *added])})")
    warehouse.execute(_STATEMENTS["fill_wider_leads"])
    warehouse.execute(_STATEMENTS["drop_narrow_leads"])
    warehouse.execute(_STATEMENTS["name_wider_leads"])
