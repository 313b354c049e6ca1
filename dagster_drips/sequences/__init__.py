"""Sequence files: their schema, their checks, and the versions of them that were ever live.

What belongs here: reading `sequences/`, telling every mistake with its line, keeping each version (S3), and handing
definitions to dbt as tables. What does not: who gets which step when (dbt), and rendering (`templating`).

In the order of use: `catalog.read_catalog` (files → `Catalog`), `versions.record_catalog` (→ journal and `raw` tables),
`versions.live_version`.
"""
