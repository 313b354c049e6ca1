"""Segments, content and intake models tried on the warehouse as it stands, without a tick: what the database says."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.content_trial import try_content
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.intake import tried_intake
from dagster_drips.pipeline.segments import run_decisions
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.copies import copy_of_warehouse
from dagster_drips.warehouse.database import need_file


def tried_on_warehouse(project: Project, catalog: Catalog) -> list[Problem]:
    """What is wrong with segments, by name, and then with content models and intake models, on a copy of the
    warehouse.

    A content model that has no row for some of whom a sequence may mail is a warning with their share (M9).

    Raises:
        DripsError: there is no warehouse yet, a tick is writing it, or a model fails that is no segment.
    """
    need_file(project)
    with tempfile.TemporaryDirectory(prefix="drips-segments-") as scratch:
        file = Path(scratch) / "warehouse.duckdb"
        if not copy_of_warehouse(project, file):
            raise DripsError(
                "there is no warehouse to try the segments on; make it with `drips run`", file=project.warehouse
            )
        transform = Transform(project, warehouse=file, target_path=Path(scratch) / "target")
        with open_warehouse(file) as warehouse:
            intake = tried_intake(project, transform, warehouse, utc_now())
            _, broken = run_decisions(project, transform, warehouse)
            content = try_content(project, catalog, transform, warehouse)
    segments = sorted(broken, key=lambda failure: failure.segment)
    return [*(Problem(failure.file, None, failure.reason) for failure in segments), *content, *intake]
