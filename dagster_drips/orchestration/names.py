"""Groups, owners, keys and specs that the assets have in common."""

from __future__ import annotations

import dagster as dg

OWNERS = ["team:lifecycle-data"]
POOL = "warehouse"  # limit it to 1 in dagster.yaml and the UI shows waiting runs; the project's lock holds anyway

LANDING, SEQUENCES, DECIDE, SEND, MEASURE = "landing", "sequences", "decide", "send", "measure"

DUE_STEPS = dg.AssetKey(["decide", "due_steps"])
DELIVERY_LOG = dg.AssetKey(["raw", "delivery_log"])
TICK = dg.AssetKey(["raw", "tick"])
FINISHED_TICK = dg.AssetKey(["journal", "ticks"])
PUBLISHED = dg.AssetKey(["published", "marts"])

PROJECT_TAG = "drips/project"
"""Of a run: the project folder; by it the launcher knows runs of ours."""

QUIET_TAG = "drips/quiet"
"""Of a run whose tick decided nothing and found nothing wrong; its records are the first to go."""

PROBLEMS = "problems"
"""Metadata of a check: a list of lines, each with the file to fix."""


def raw_spec(table: str, group: str, description: str, deps: list[dg.AssetKey], kinds: set[str]) -> dg.AssetSpec:
    """A table of the schema `raw`."""
    return dg.AssetSpec(
        ["raw", table], deps=deps, group_name=group, description=description, owners=OWNERS, kinds={"duckdb", *kinds}
    )


def journal_specs(tables: dict[str, str], deps: list[dg.AssetKey], group: str) -> list[dg.AssetSpec]:
    """Tables of the schema `journal`, by name: what each holds."""
    return [
        dg.AssetSpec(
            ["journal", table],
            deps=deps,
            group_name=group,
            description=text,
            owners=OWNERS,
            kinds={"duckdb", "parquet"},
        )
        for table, text in tables.items()
    ]
