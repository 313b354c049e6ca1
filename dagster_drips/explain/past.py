"""A tick of the past made again on a throw-away copy of the warehouse, as a rebuild makes it, to ask its marts.

Here belongs what such a copy must forget. What was decided stays as the journal has it, with its own instants; what was
open then is judged by the models of the last tick, over the sequences and the data of then.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.explain.explanation import STATEMENTS
from dagster_drips.pipeline.dbt_files import MADE
from dagster_drips.pipeline.dbt_runner import Transform, TransformFailed
from dagster_drips.pipeline.gates import decided_at
from dagster_drips.pipeline.live_models import bring_along, write_live_models
from dagster_drips.pipeline.replay import go_back
from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.pipeline.segments import SegmentFailure
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_clock import set_clock
from dagster_drips.pipeline.waivers import load_waivers
from dagster_drips.project import Project
from dagster_drips.sequences.versions import restore_live
from dagster_drips.settings import load_settings
from dagster_drips.warehouse import Warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.copies import copy_of_warehouse

_LOADED = ("leads", "events", "suppressions", "engagement", "rejected_rows", "loaded_files")


@contextmanager
def as_of_tick(project: Project, as_of: datetime) -> Generator[Warehouse]:
    """A copy of the warehouse as it stood when a tick had ended, with what explanations are made of built anew.

    Args:
        project: whose; nothing in it changes.
        as_of: a decided tick's instant.

    Raises:
        DripsError: a tick is writing the warehouse, or a model fails.
    """
    with scratch_folder(project) as scratch:
        file = scratch / "warehouse.duckdb"
        copy_of_warehouse(project, file, read_only=True)
        with open_warehouse(file) as warehouse:
            models = _models(project, scratch, warehouse)
        transform = Transform(
            models, warehouse=file, target_path=models.dbt / "target", target=load_settings(project).target
        )
        with open_warehouse(file) as warehouse:
            _forget_what_came_later(warehouse, as_of)
            load_waivers(project, warehouse, given_until=decided_at(warehouse))
            pipeline = Pipeline(models, transform, journal=None)
            decided = pipeline.decide(warehouse)
            if not isinstance(warehouse_of(project), Path):
                _refuse_other_sql(warehouse, decided.broken_segments, as_of)
            # All marts: that run is compiled already where the models are still the project's, and needs no dbt.
            if failed := [result for result in pipeline.measure() if result.failed]:
                raise TransformFailed(f"dbt model {failed[0].name} failed: {failed[0].message}", failed)
            yield warehouse


def _refuse_other_sql(warehouse: Warehouse, broken: Sequence[SegmentFailure], as_of: datetime) -> None:
    """A segment that had a result then, and has none on a copy, is none that a past tick can be made again of."""
    had = {row["segment"] for row in warehouse.rows(STATEMENTS["segments_with_result"], [as_of])}
    for failure in broken:
        if failure.segment in had:
            words = f"a past tick is made again by DuckDB (docs/postgres.md), which says: {failure.reason}"
            raise DripsError(words, file=failure.file)


def _models(project: Project, scratch: Path, warehouse: Warehouse) -> Project:
    if not write_live_models(project, scratch, warehouse):
        shutil.copytree(project.dbt, scratch / "dbt_project", ignore=shutil.ignore_patterns(*MADE))
        bring_along(project, scratch)
    return Project(scratch)


def _forget_what_came_later(warehouse: Warehouse, as_of: datetime) -> None:
    last_load = warehouse.value(STATEMENTS["last_load"], [as_of])
    go_back(warehouse, as_of + timedelta(seconds=1))
    with warehouse.transaction():
        for table in _LOADED:
            warehouse.execute(STATEMENTS[f"forget_{table}"], [last_load])
        warehouse.execute(STATEMENTS["forget_held_messages"])
    restore_live(warehouse)
    set_clock(warehouse, as_of)
