"""Checks that no single asset makes by itself. Checks of one asset stand beside it."""

import dagster as dg

from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import Names
from dagster_drips.pipeline.checks import NO_GATE_HOLDS, SEGMENTS_HAVE_RESULTS, gates_check, segments_check


def build_checks(names: Names) -> list[dg.AssetChecksDefinition]:
    """Checks of segments and of gates."""

    @dg.asset_check(
        asset=names.key("decide", "segment_members"), name=SEGMENTS_HAVE_RESULTS, required_resource_keys=names.needs
    )
    def segments_have_results(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        """Every segment model has a result at this tick; sequences that name one without pause (E5)."""
        with names.resource_of(context).warehouse() as warehouse:
            return result_of(segments_check(warehouse), names)

    @dg.asset_check(asset=names.key("decide", "sequence_gates"), name=NO_GATE_HOLDS, required_resource_keys=names.needs)
    def no_gate_holds(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        """No sequence waits for a gate (G1): what its occurrences and due steps wait for is named."""
        with names.resource_of(context).warehouse() as warehouse:
            return result_of(gates_check(warehouse), names)

    return [segments_have_results, no_gate_holds]
