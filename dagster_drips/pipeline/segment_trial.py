"""Segments tried on the warehouse as it stands, without a tick: what the database says of each that fails."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.segments import SegmentFailure, run_decisions
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse


def failing_segments(project: Project) -> list[SegmentFailure]:
    """Every segment whose SQL fails on a copy of the warehouse, sorted by name; the warehouse stays as it is.

    Raises:
        DripsError: there is no warehouse yet, a tick is writing it, or a model fails that is no segment.
    """
    if not project.warehouse.exists():
        raise DripsError(
            "there is no warehouse to try the segments on; make it with `drips run`", file=project.warehouse
        )
    with tempfile.TemporaryDirectory(prefix="drips-segments-") as scratch:
        file = Path(scratch) / "warehouse.duckdb"
        with open_warehouse(project.warehouse) as warehouse:
            warehouse.checkpoint()
            shutil.copyfile(project.warehouse, file)
        transform = Transform(project, warehouse=file, target_path=Path(scratch) / "target")
        with open_warehouse(file) as warehouse:
            _, broken = run_decisions(project, transform, warehouse)
    return sorted(broken, key=lambda failure: failure.segment)
