"""What a tick decided and how it ended, kept for good in the tick journal."""

from collections.abc import Iterator, Sequence

import dagster as dg

from dagster_drips.clock import format_instant
from dagster_drips.orchestration.names import DECIDE, SEND, Names
from dagster_drips.orchestration.tick_tags import is_overtaken

_DECIDED = {
    "enrollment_decisions": "One row per judged occurrence (E3).",
    "skipped_steps": "One row per step that was skipped (M6, M7, M10).",
    "message_content": "One row per message that shows content and what it showed when it was due (M9).",
    "segment_results": "One row per segment and tick.",
    "segment_changes": "One row per lead that entered or left a segment.",
    "sequence_versions": "One row per version of a sequence that was ever live (S3).",
    "sequence_gates": "One row per tick, sequence and gate that found something (G1).",
    "waiting_steps": "One row per day, step and reason for which the day's last tick left it waiting.",
    "failed_tests": "One row per tick, data test that failed and segment that it speaks of (G1).",
}
_FINISHED = {
    "enrollment_closings": "One row per closed enrollment (L1, M1).",
    "ticks": "One row per phase of a tick.",
}


_KEPT = (
    *("due_steps", "new_enrollment_decisions", "new_enrollment_closings", "new_skipped_steps", "content_keys"),
    *("new_segment_changes", "new_segment_results", "sequence_gates"),
)
"""What the decisions are made of."""


def build_decisions_journal(names: Names) -> dg.AssetsDefinition:
    """What a tick decided, before any mail goes out."""

    @dg.multi_asset(
        name=names.name("decisions_journal"),
        specs=names.journal_specs(_DECIDED, names.keys("decide", *_KEPT), DECIDE),
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def decisions_journal(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        """Keep what this tick decided, for good, before any mail goes out."""
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            drips.pipeline.commit_decisions(warehouse)
            counts = {table: warehouse.value(f"select count(*) from journal.{table}") for table in _DECIDED}
        for table, count in counts.items():
            yield dg.MaterializeResult(asset_key=names.key("journal", table), metadata={"rows": count})

    return decisions_journal


def build_finished_journal(after_sending: Sequence[dg.AssetSpec], names: Names) -> dg.AssetsDefinition:
    """The end of a tick, with the views over what it did: dbt does not run again to say that they stand."""
    deps = [
        names.delivery_log,
        names.key("journal", "enrollment_decisions"),
        *(spec.key for spec in after_sending),
    ]

    @dg.multi_asset(
        name=names.name("finished_journal"),
        specs=[*after_sending, *names.journal_specs(_FINISHED, deps, SEND)],
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def finished_journal(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        """Complete enrollments with no step left and finish the tick; a run that was overtaken finishes none."""
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            overtaken = is_overtaken(context.run.tags, drips.pipeline, warehouse)
            completed = 0 if overtaken else drips.pipeline.settle(warehouse)
            as_of = drips.pipeline.as_of(warehouse)
        for spec in after_sending:
            yield dg.MaterializeResult(asset_key=spec.key)
        yield dg.MaterializeResult(
            asset_key=names.key("journal", "enrollment_closings"), metadata={"completed": completed}
        )
        yield dg.MaterializeResult(asset_key=names.finished_tick, metadata={"as_of": format_instant(as_of)})

    return finished_journal
