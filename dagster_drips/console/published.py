"""The set of marts that was published last, and questions to it.

Here belongs finding it and reading from it; a page's questions stand in its own .sql file. Every question opens the
database anew and lets go of it, so that a set that was superseded, or taken away as somebody was erased, is not held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.clock import parse_instant
from dagster_drips.pipeline.publish import DATABASE, MANIFEST
from dagster_drips.pipeline.status import Facts, published_facts
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse


@dataclass(frozen=True)
class PublishedSet:
    """A set of one tick.

    Args:
        folder: of the set, not the link to it.
        version: its name; no two sets share one.
        as_of: the tick's instant, naive UTC; None: no tick was decided yet.
        tables: rows by mart.
    """

    folder: Path
    version: str
    as_of: datetime | None
    tables: dict[str, int]

    def frame(self, sql: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of a question.

        Raises:
            DripsError: the set can't be read.
        """
        with open_warehouse(self.folder / DATABASE, read_only=True) as warehouse:
            return warehouse.frame(sql, parameters)

    def facts(self) -> Facts:
        """What `drips status` tells of this tick."""
        return published_facts(self.folder) or {}


def published_set(project: Project) -> PublishedSet | None:
    """The current set; None where nothing is published yet."""
    folder = project.published_set.resolve()
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError:
        return None
    as_of = found["as_of"]
    return PublishedSet(folder, found["version"], parse_instant(as_of) if as_of else None, found["tables"])
