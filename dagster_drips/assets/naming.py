"""Groups, owners and keys that the assets have in common."""

from __future__ import annotations

import dagster as dg

OWNERS = ["team:lifecycle-data"]
POOL = "warehouse"  # limit it to 1 in dagster.yaml and the UI shows waiting runs; the project's lock holds anyway

LANDING, SEQUENCES, DECIDE, SEND, MEASURE = "landing", "sequences", "decide", "send", "measure"

DUE_STEPS = dg.AssetKey(["decide", "due_steps"])
DELIVERY_LOG = dg.AssetKey(["raw", "delivery_log"])
TICK = dg.AssetKey(["raw", "tick"])

PROBLEMS = "problems"
"""Metadata of a check: a list of lines, each with the file to mend."""
