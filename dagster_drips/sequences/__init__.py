"""Sequence files: their schema, their checks, and the versions of them that were ever live.

What belongs here: reading `sequences/`, telling every mistake with its line, keeping each version (S3), and handing
definitions to dbt as tables. What does not: who gets which step when (dbt), and rendering (`mail`).

In the order of use: `read_catalog` (files → `Catalog`), `record_catalog` (→ journal and `raw` tables), `live_version`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_drips.sequences.catalog import Catalog, SequenceSource, WrittenSequence, read_catalog
    from dagster_drips.sequences.problems import Problem
    from dagster_drips.sequences.schema import ProjectSettings, Sequence
    from dagster_drips.sequences.versions import Version, live_version, load_version, record_catalog, restore_live

__all__ = [
    "Catalog",
    "Problem",
    "ProjectSettings",
    "Sequence",
    "SequenceSource",
    "Version",
    "WrittenSequence",
    "live_version",
    "load_version",
    "read_catalog",
    "record_catalog",
    "restore_live",
    "segment_names",
]
_MODULES = {
    "catalog": ("Catalog", "SequenceSource", "WrittenSequence", "read_catalog"),
    "segment_files": ("segment_names",),
    "problems": ("Problem",),
    "schema": ("ProjectSettings", "Sequence"),
    "versions": ("Version", "live_version", "load_version", "record_catalog", "restore_live"),
}


def __getattr__(name: str) -> Any:
    # Late, as the collector reads YAML with this package, too, and has no use for the warehouse's engines.
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
