"""Whether a dbt node's SQL may come out otherwise although no file of the project has changed.

What belongs here: what Jinja asks beside files, in a node and in all macros that it calls. What becomes of such a node
is `compiled_runs`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_DBT = frozenset({"dbt", "dbt_duckdb", "dbt_postgres"})
_CHANGEABLE = re.compile(
    r"\b(run_query|load_result|env_var|run_started_at|invocation_id|thread_id|call\s+statement)\b"
    r"|\bmodules\s*\.\s*(datetime|pytz)\b|\badapter\s*\.\s*(?!dispatch\b|quote\b)|\|\s*random\b"
)
"""Words of Jinja whose value isn't in the project's files."""
_IN_FINGERPRINT = frozenset({"macro.drips.columns_of_leads"})
"""Ask for what stands in the fingerprint of a state (`dbt_target.asked_of`)."""
_ASKS_THE_DATABASE = frozenset({"macro.dbt.run_query", "macro.dbt.statement"})


def is_changeable(node: Any, manifest: Manifest, implementations: Mapping[str, list[str]]) -> bool:
    """Whether a node's SQL may come out otherwise although no file of the project has changed."""
    if _CHANGEABLE.search(getattr(node, "raw_code", "") or ""):
        return True
    for unique_id in _macros(node, manifest, implementations):
        macro = manifest.macros[unique_id]
        if unique_id in _ASKS_THE_DATABASE:
            return True
        if macro.package_name not in _DBT and _CHANGEABLE.search(macro.macro_sql):
            return True
    return False


def _macros(node: Any, manifest: Manifest, implementations: Mapping[str, list[str]]) -> set[str]:
    """All macros that a node calls, and those that they call; of a dispatched one every implementation."""
    found: set[str] = set()
    # While it runs a test, dbt adds what calls the test to what the test calls.
    around = manifest.macros["macro.dbt.materialization_test_default"].depends_on.macros
    added = set(around) if node.resource_type == "test" else set()
    wanted = [unique_id for unique_id in node.depends_on.macros if unique_id not in added]
    while wanted:
        unique_id = wanted.pop()
        if unique_id in found or unique_id not in manifest.macros or unique_id in _IN_FINGERPRINT:
            continue
        found.add(unique_id)
        macro = manifest.macros[unique_id]
        wanted += [*macro.depends_on.macros, *implementations.get(macro.name, ())]
    return found


def implementations_of(macros: Mapping[str, Any], engine: str | None = "duckdb") -> dict[str, list[str]]:
    """Ids of `default__name` and `duckdb__name` by `name`: those for other engines are never called here."""
    found: dict[str, list[str]] = {}
    for unique_id, macro in macros.items():
        prefix, separator, name = macro.name.partition("__")
        if separator and prefix in ("default", engine):
            found.setdefault(name, []).append(unique_id)
    return found
