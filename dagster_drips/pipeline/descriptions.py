"""What dbt's documentation says of tables and columns, as the comments that readers of a database see.

`persist_docs` would let dbt write them at every tick, into tables that are thrown away at the next: 1.3 s of CPU beside
the 4.4 s of an idle tick's marts (two cores of a CI machine), and a copy of a table takes none of it along. So
publishing writes them, once and for all tables in one transaction: 0.2 s. What the texts are is dbt's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

CUSTOM_FIELD = "A custom field: a column of landed leads beyond those that are known, as docs/contract.md says."
"""Of columns that no model names, since the landing files bring them."""


@dataclass(frozen=True)
class Description:
    """What a table is, and each of its columns by name.

    Args:
        text: of the table.
        columns: text by column.
        parts_by: a column of instants by which it is published in parts (`publish_parts`); empty: as a whole.
    """

    text: str
    columns: Mapping[str, str] = field(default_factory=dict)
    parts_by: str = ""


def descriptions_of(manifest: Manifest, schema: str) -> dict[str, Description]:
    """The models of a schema by name, each with its columns."""
    return {
        node.name: Description(
            node.description.strip(),
            {column.name: column.description.strip() for column in node.columns.values()},
            str(node.config.meta.get("parts_by", "")),
        )
        for node in manifest.nodes.values()
        if node.resource_type == "model" and node.schema == schema
    }


def comment_on(
    warehouse: Warehouse, kind: Literal["table", "view"], relation: str, description: Description, columns: list[str]
) -> None:
    """Write the comments of one table or view and its columns.

    Args:
        warehouse: a connection to the database.
        kind: what it is.
        relation: its quoted name.
        description: what to say; a column that it lacks is a custom field.
        columns: its columns.
    """
    statements = [f"comment on {kind} {relation} is {quoted_text(description.text)}"]
    for column in columns:
        text = description.columns.get(column) or CUSTOM_FIELD
        statements.append(f"comment on column {relation}.{quoted_name(column)} is {quoted_text(text)}")
    warehouse.execute(";".join(statements))
