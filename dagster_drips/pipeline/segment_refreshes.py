"""Segments that keep their result for a while (E10): `refresh` in the `meta` of their models.

What belongs here: which spans can be read, and that such a segment is a table, which a tick can leave as it is. What
does not: which of them a tick asks, which the model `segment_refreshes` says.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_drips.dbt_layout import DbtLayout
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_SPAN = re.compile(r"[1-9][0-9]{0,4}[mhd]")


def keep_results(manifest: Manifest, layout: DbtLayout) -> None:
    """Have dbt make a table of each such segment, whatever its file or the project says of it."""
    for node in _segments(manifest, layout):
        if _refresh(node) is not None:
            node.config.materialized = "table"


def misread_refreshes(manifest: Manifest, names: Collection[str], layout: DbtLayout) -> dict[str, str]:
    """Which of these segments name a span that nobody can read, and what is to be said of it."""
    found = {node.name: refresh for node in _segments(manifest, layout) if (refresh := _refresh(node)) is not None}
    return {
        name: f"refresh must be such as '30m', '1h' or '2d', not {refresh!r}"
        for name, refresh in found.items()
        if name in names and not (isinstance(refresh, str) and _SPAN.fullmatch(refresh))
    }


def kept_results(warehouse: Warehouse) -> list[str]:
    """The segments that the tick that has begun doesn't ask."""
    return [row["segment"] for row in warehouse.rows(_STATEMENTS["kept_results"])]


def _segments(manifest: Manifest, layout: DbtLayout) -> list[Any]:
    project = manifest.metadata.project_name
    return [
        node
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and node.package_name == project
        and layout.role_of(node.original_file_path, node.tags, node.fqn) == "segments"
    ]


def _refresh(node: Any) -> Any:
    return node.config.meta.get("refresh")
