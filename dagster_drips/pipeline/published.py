"""What was published last, wherever that is: the current set's database, or of a server the database that BI reads.

What belongs here: opening it to be asked, and the facts of `drips status` beside it. What does not: writing sets
(`publish`), and questions, which are their askers'.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.pipeline.publish import DATABASE
from dagster_drips.pipeline.status import Facts, published_at, published_facts, read_facts
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, open_warehouse, warehouse_of


@contextmanager
def opened_published(project: Project) -> Generator[Warehouse | None]:
    """The marts as they were published last, for reading; None where nothing is published yet.

    Raises:
        DripsError: they can't be read.
    """
    place = warehouse_of(project)
    if isinstance(place, Path):
        file = project.published_set.resolve() / DATABASE
        if not file.exists():
            yield None
            return
        with open_warehouse(file, read_only=True) as published:
            yield published
        return
    with open_warehouse(place, read_only=True) as published:
        yield published if published.columns("marts.pipeline_latency") else None


def facts_as_published(project: Project) -> tuple[Facts, datetime] | None:
    """What `drips status` tells of what was published last, and when that was so, naive UTC; None where nothing is.

    Raises:
        DripsError: they can't be read.
    """
    if isinstance(warehouse_of(project), Path):
        folder = project.published_set.resolve()
        facts = published_facts(folder)
        return (facts, published_at(folder)) if facts is not None else None
    with opened_published(project) as published:
        # Readers there wait for no tick, so that it is what is so now.
        return (read_facts(published), utc_now()) if published is not None else None
