"""Checks that no single asset makes by itself. Checks of one asset stand beside it."""

import dagster as dg

from dagster_drips.orchestration.names import PROBLEMS
from dagster_drips.orchestration.resources import DripsResource


@dg.asset_check(asset=["decide", "segment_members"], name="segments_have_results")
def segments_have_results(drips: DripsResource) -> dg.AssetCheckResult:
    """Every segment model has a result at this tick; sequences that name one without pause (E5)."""
    with drips.warehouse() as warehouse:
        missing = warehouse.rows(
            "select sequence_id, segment_without_result from decide.live_sequences"
            " where segment_without_result is not null order by sequence_id"
        )
        failures = warehouse.rows("select file, reason from raw.segment_failures order by file")
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
