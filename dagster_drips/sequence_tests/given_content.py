"""Content that a test gives in place of its models (M9): views over literal rows, of the models' own types.

A model that could not be made on the bench, as it reads tables that tests don't have, gets the types that its given
values have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from dagster_drips.sequence_tests.given import as_json
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("bench.sql"))


def replace_content(warehouse: Warehouse, name: str, columns: Mapping[str, str], rows: list[dict[str, Any]]) -> None:
    """Have these rows be what a content model says.

    Args:
        warehouse: the bench's, in a test's transaction.
        name: of the model.
        columns: its columns and their types; empty: it could not be made.
        rows: as the test gives them; columns that a row leaves out are NULL.
    """
    types = columns or _types_of(rows)
    # As texts, which any plain type is cast from; what has parts keeps them.
    structure = as_json({column: "JSON" if _has_parts(type_) else "VARCHAR" for column, type_ in types.items()})
    casts = ", ".join(
        f"cast(_row.{quoted_name(column)} as {type_}) as {quoted_name(column)}" for column, type_ in types.items()
    )
    for statement in ("content_schema", "forget_content_table", "forget_content_view"):
        if statement == "content_schema" or _is(warehouse, name, statement.rpartition("_")[2]):
            warehouse.execute(Template(_STATEMENTS[statement]).safe_substitute(name=quoted_name(name)))
    warehouse.execute(
        Template(_STATEMENTS["given_content"]).substitute(
            name=quoted_name(name),
            columns=casts,
            rows=quoted_text(as_json([_named(types, row) for row in rows])),
            structure=quoted_text(f"[{structure}]"),
        )
    )


def _is(warehouse: Warehouse, name: str, kind: str) -> bool:
    return bool(warehouse.rows(_STATEMENTS["is_content"], {"name": name, "kind": kind}))


def _has_parts(type_: str) -> bool:
    return type_.endswith("]") or type_.startswith(("STRUCT(", "MAP(", "JSON"))


def _named(types: Iterable[str], row: Mapping[str, Any]) -> dict[str, Any]:
    given = {column.lower(): value for column, value in row.items()}
    return {column: given.get(column.lower()) for column in types}


def _types_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    types: dict[str, str] = {}
    for row in rows:
        for column, value in row.items():
            if value is not None and types.get(column, "BIGINT") == "BIGINT":
                types[column] = _type_of(value)
            types.setdefault(column, "VARCHAR")
    return types


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT"
    if isinstance(value, float):
        return "DOUBLE"
    return "JSON" if isinstance(value, (list, dict)) else "VARCHAR"
