"""Sequence files: their schema, their checks, and the versions of them that were ever live.

What belongs here: reading `sequences/`, telling every mistake with its line, keeping each version (S3), and handing
definitions to dbt as tables. What does not: who gets which step when (dbt), and rendering (`mail`).

In the order of use: `read_catalog` (files → `Catalog`), `record_catalog` (→ journal and `raw` tables), `live_version`.
"""

from dagster_drips.sequences.catalog import Catalog, SequenceSource, WrittenSequence, read_catalog, segment_names
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
