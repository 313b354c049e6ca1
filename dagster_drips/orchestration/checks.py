"""Checks that no single asset makes by itself. Checks of one asset stand beside it."""

import dagster as dg

from dagster_drips.orchestration.names import PROBLEMS
from dagster_drips.orchestration.resources import DripsResource
from dagster_drips.pipeline.gates import holding_gates
from dagster_drips.pipeline.segments import paused_sequences, recorded_failures


@dg.asset_check(asset=["decide", "segment_members"], name="segments_have_results")
def segments_have_results(drips: DripsResource) -> dg.AssetCheckResult:
    """Every segment model has a result at this tick; sequences that name one without pause (E5)."""
    with drips.warehouse() as warehouse:
        missing, failures = paused_sequences(warehouse), recorded_failures(warehouse)
    problems = [f"{row['file']}: {row['reason']}" for row in failures]
    return dg.AssetCheckResult(
        passed=not problems,
        description="; ".join(problems),
        metadata={
            "paused": len(missing),
            "first": str(missing[0]) if missing else "",
            PROBLEMS: dg.MetadataValue.json(problems),
        },
    )


@dg.asset_check(asset=["decide", "sequence_gates"], name="no_gate_holds")
def no_gate_holds(drips: DripsResource) -> dg.AssetCheckResult:
    """No sequence waits for a gate (G1): what its occurrences and due steps wait for is named."""
    with drips.warehouse() as warehouse:
        holding = holding_gates(warehouse)
    problems = [f"sequences/{row['sequence_id']}: held by {row['gate']}: {row['reason']}" for row in holding]
    return dg.AssetCheckResult(
        passed=not problems,
        description="; ".join(problems),
        metadata={
            "held": len({row["sequence_id"] for row in holding}),
            PROBLEMS: dg.MetadataValue.json(problems),
        },
    )
