"""What is another in the files of two trees: what a plan's differences come from.

Only names and keys; what an edit does to people is found by living both sides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dagster_drips.pipeline.dbt_files import source_files
from dagster_drips.plan.comparing import STATEMENTS
from dagster_drips.plan.trees import Tree
from dagster_drips.sequences.catalog import SENDERS_FILE, SETTINGS_FILE
from dagster_drips.warehouse import Warehouse

_SEGMENTS = "models/segments/"
_GENERATED = "macros/generated/"
_MODELS = (".sql", ".csv")
"""Of a dbt project what can change a decision; descriptions and tests can't."""


def edits_of(base: Tree, working: Tree, comparison: Warehouse) -> list[dict[str, Any]]:
    """Every sequence, segment, model and shared file that differs: `kind`, `name`, `change` and `what` (words).

    Args:
        base: one side's files.
        working: the other's.
        comparison: with both sides' warehouses attached.
    """
    return [*_sequences(comparison), *_models(base, working)]


def _sequences(comparison: Warehouse) -> list[dict[str, Any]]:
    texts: dict[str, dict[str, dict[str, Any]]] = {}
    for row in comparison.rows(STATEMENTS["definitions"]):
        texts.setdefault(row["sequence_id"], {})[row["side"]] = row
    edits = []
    for row in comparison.rows(STATEMENTS["edited_sequences"]):
        both = texts.get(row["sequence_id"], {})
        what = _differing_keys(both) if row["change"] == "changed" else []
        if row["change"] == "changed" and row["base_status"] != row["working_status"]:
            what = [f"status {row['base_status']} → {row['working_status']}", *(key for key in what if key != "status")]
        edits.append({"kind": "sequence", "name": row["sequence_id"], "change": row["change"], "what": what})
    for file in (SETTINGS_FILE, SENDERS_FILE):
        both = texts.get(file, {})
        if what := _differing_keys(both):
            edits.append({"kind": "file", "name": f"sequences/{file}", "change": "changed", "what": what})
    return edits


def _differing_keys(both: dict[str, dict[str, Any]]) -> list[str]:
    """Keys of the definition, and names of templates, that are not the same on both sides."""
    found = []
    for column in ("definition", "files"):
        base, working = (json.loads(both[side][column]) if side in both else {} for side in ("base", "working"))
        found += sorted(key for key in {*base, *working} if base.get(key) != working.get(key))
    return found


def _models(base: Tree, working: Tree) -> list[dict[str, Any]]:
    before, after = source_files(base.project.dbt), source_files(working.project.dbt)
    edits = []
    for path in sorted({*before, *after}):
        if before.get(path) == after.get(path) or not path.endswith(_MODELS) or path.startswith((_GENERATED, "tests/")):
            continue
        change = "added" if path not in before else "removed" if path not in after else "changed"
        is_segment = path.startswith(_SEGMENTS)
        name = Path(path).stem if is_segment else path
        edits.append({"kind": "segment" if is_segment else "model", "name": name, "change": change, "what": []})
    return edits
