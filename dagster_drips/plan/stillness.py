"""The ticks of a plan's days, without those at which nothing can happen.

Of a tick that decided nothing, moved nobody into or out of a segment and completed nothing, the next differs by its
clock alone, as nothing lands meanwhile. So where the clock can't matter either, it needn't be lived: what it would have
decided is nothing. In doubt it is lived. What belongs here: telling which. What does not: living them (`pipeline`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dagster_drips.pipeline.compiled_runs import CompiledNode
from dagster_drips.pipeline.replay import Span
from dagster_drips.pipeline.run_compiled import run_compiled
from dagster_drips.pipeline.segment_refreshes import kept_results
from dagster_drips.pipeline.tick import Pipeline, TickReport
from dagster_drips.pipeline.tick_clock import set_clock
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("stillness.sql"))
_PRODUCT = "drips"
"""The package of the product's models; the others of a run are the project's own."""
_ENTRIES_AND_EXITS = "new_segment_changes"


def ticks_that_matter(
    pipeline: Pipeline, warehouse: Warehouse, span: Span, *, load: bool = True
) -> Iterator[tuple[datetime, TickReport | None]]:
    """Live a span with sending pretended, instant by instant as they are asked for.

    Args:
        pipeline: without a journal.
        warehouse: its throw-away one; what has landed is loaded, and nothing lands while this runs.
        span: the instants.
        load: the first tick reads sequence and landing files; without it none does.

    Returns:
        Every instant, at which the warehouse's clock then stands: with its tick's report, or None where nothing can
        happen and no tick was lived.
    """
    was_still = False
    for number, instant in enumerate(span.instants()):
        if was_still and _is_still(pipeline, warehouse, instant):
            yield instant, None
            continue
        report = pipeline.tick(warehouse, instant, settings=None, load=load and number == 0, measure=False)
        was_still = _did_nothing(report) and not warehouse.value(_STATEMENTS["segments_moved"])
        yield instant, report


def _did_nothing(report: TickReport) -> bool:
    decided = report.decided
    counts = (decided.judged, decided.exited, decided.skipped, decided.due, report.completed)
    # A segment that failed may succeed at the next.
    return not any(counts) and not decided.broken_segments


def _is_still(pipeline: Pipeline, warehouse: Warehouse, instant: datetime) -> bool:
    set_clock(warehouse, instant)
    if warehouse.value(_STATEMENTS["may_happen"]):
        return False
    return not warehouse.value(_STATEMENTS["has_leads"]) or not _segments_move(pipeline, warehouse)


def _segments_move(pipeline: Pipeline, warehouse: Warehouse) -> bool:
    """Whether anybody enters or leaves a segment now: their SQL may look at the clock in ways of its own."""
    kept = pipeline.transform.kept
    if kept is None:
        return True
    # What keeps its result (E10) stands as it is; it is asked when a tick is lived.
    left = kept_results(warehouse)
    nodes = [node for node in kept if node.name not in left and _is_of_segments(node)]
    results = run_compiled(nodes, pipeline.transform.warehouse, pipeline.project.dbt_work)
    return any(result.failed for result in results) or bool(warehouse.value(_STATEMENTS["segments_moved"]))


def _is_of_segments(node: CompiledNode) -> bool:
    """What the project selects members by, and who of them is new."""
    package = node.unique_id.split(".")[1]
    return package != _PRODUCT or node.name == _ENTRIES_AND_EXITS
