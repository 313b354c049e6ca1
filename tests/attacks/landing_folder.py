"""A landing folder with its warehouse, for attacks by what is put there."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from landing.conftest import Landing

from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse.port import open_warehouse


@contextmanager
def landing_in(folder: Path) -> Generator[Landing]:
    """Landing folders in that folder, and their warehouse, open."""
    project = Project(folder)
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True, exist_ok=True)
    with open_warehouse(project.warehouse) as warehouse:
        yield Landing(project, warehouse)
