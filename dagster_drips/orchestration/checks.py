"""Checks that no single asset makes by itself. Checks of one asset stand beside it."""

import dagster as dg

from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.resources import DripsResource
from dagster_drips.pipeline.checks import NO_GATE_HOLDS, SEGMENTS_HAVE_RESULTS, gates_check, segments_check


@dg.asset_check(asset=["decide", "segment_members"], name=SEGMENTS_HAVE_RESULTS)
def segments_have_results(drips: DripsResource) -> dg.AssetCheckResult:
    """Every segment model has a result at this tick; sequences that name one without pause (E5)."""
    with drips.warehouse() as warehouse:
        return result_of(segments_check(warehouse))


@dg.asset_check(asset=["decide", "sequence_gates"], name=NO_GATE_HOLDS)
def no_gate_holds(drips: DripsResource) -> dg.AssetCheckResult:
    """No sequence waits for a gate (G1): what its occurrences and due steps wait for is named."""
    with drips.warehouse() as warehouse:
        return result_of(gates_check(warehouse))
