"""The sending of a tick in parts that run anywhere, such as Dagster's steps: what `Pipeline.send` does in one.

Only that the tick at hand is the batch's, and the tick's own time; the parts are `delivery.distributed`'s.
"""

from __future__ import annotations

from dagster_drips.delivery.batch import batch_named
from dagster_drips.delivery.dispatch_report import DispatchReport
from dagster_drips.delivery.distributed import attend_to, close_batch, open_batch
from dagster_drips.pipeline.in_bucket import keep_in_bucket
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_clock import own_time
from dagster_drips.settings import Settings
from dagster_drips.warehouse import Warehouse


def split_due(pipeline: Pipeline, warehouse: Warehouse, settings: Settings, name: str) -> int:
    """Split what is due at this tick into a batch of that name; returns its shards, 0 where nothing may go out.

    Raises:
        DripsError: another send going on; the project is a copy.
    """
    if not pipeline.ready_to_send(warehouse):
        return 0
    keep_in_bucket(pipeline.project)
    return open_batch(
        pipeline.project,
        warehouse,
        settings,
        name,
        as_of=pipeline.as_of(warehouse),
        now=lambda: own_time(warehouse),
    )


def ask_meanwhile(pipeline: Pipeline, warehouse: Warehouse, name: str) -> None:
    """Say who must not get mail any more (L3, L1), as long as the batch of that name is being sent.

    A batch of another tick than the one at hand is taken away: what it left due is due there.
    """
    batch = batch_named(pipeline.project, name)
    facts = batch.facts
    if facts is None:
        return
    if facts.as_of != pipeline.as_of(warehouse) or not pipeline.ready_to_send(warehouse):
        batch.take_away()
        return
    attend_to(batch, warehouse, lambda: pipeline.refresh(warehouse))


def take_in(pipeline: Pipeline, warehouse: Warehouse, settings: Settings, name: str) -> DispatchReport:
    """Take in what was sent of the batch of that name.

    Raises:
        DripsError: a later send took over; a shard could not be sent.
    """
    batch = batch_named(pipeline.project, name)
    report = close_batch(pipeline.project, warehouse, batch, settings, now=lambda: own_time(warehouse))
    keep_in_bucket(pipeline.project)
    return report
