"""The set of marts that was published last, and questions to it.

Here belongs finding it and reading from it; a page's questions stand in its own .sql file. Every question opens the
database anew and lets go of it, so that a set that was superseded, or taken away as somebody was erased, is not held.
Of a server, which BI asks itself, no set has tables: what a question names is copied when it is asked first, and the
copies go with the tick that they are of.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.clock import parse_instant
from dagster_drips.pipeline.publish import DATABASE, MANIFEST
from dagster_drips.pipeline.published import facts_as_published
from dagster_drips.pipeline.status import Facts, published_facts
from dagster_drips.project import Project
from dagster_drips.temporaries import REPLAY_PREFIX, owned
from dagster_drips.warehouse import PostgresDatabase, Warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.copies import copy_relations

_RELATION = re.compile(r"\b(?:raw|journal|decide|after_sending|intermediate|marts)\.[a-z_]\w*\b")
_copying = threading.Lock()
_copies: dict[str, tuple[str, Path, ExitStack]] = {}
"""By database: the version that its copies are of, their folder, and what takes that away."""


@dataclass(frozen=True)
class PublishedSet:
    """A set of one tick.

    Args:
        project: whose.
        folder: of the set, not the link to it.
        version: its name; no two sets share one.
        as_of: the tick's instant, naive UTC; None: no tick was decided yet.
        tables: rows by mart.
    """

    project: Project
    folder: Path
    version: str
    as_of: datetime | None
    tables: dict[str, int]

    def frame(self, sql: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of a question.

        Raises:
            DripsError: the set can't be read.
        """
        with self.opened(sql) as warehouse:
            return warehouse.frame(sql, parameters)

    @contextmanager
    def opened(self, sql: str) -> Generator[Warehouse]:
        """What was published, as far as a question names it.

        Raises:
            DripsError: the set can't be read.
        """
        place = warehouse_of(self.project)
        if isinstance(place, Path):
            file = self.folder / DATABASE
        else:
            file = _copied(place, self.version, sorted({*_RELATION.findall(sql)}))
        with open_warehouse(file, read_only=True) as warehouse:
            yield warehouse

    def facts(self) -> Facts:
        """What `drips status` tells of this tick."""
        if isinstance(warehouse_of(self.project), Path):
            return published_facts(self.folder) or {}
        told = facts_as_published(self.project)
        return told[0] if told else {}


def published_set(project: Project) -> PublishedSet | None:
    """The current set; None where nothing is published yet."""
    folder = project.published_set.resolve()
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError:
        return None
    as_of = found["as_of"]
    return PublishedSet(project, folder, found["version"], parse_instant(as_of) if as_of else None, found["tables"])


def _copied(place: PostgresDatabase, version: str, relations: list[str]) -> Path:
    """A DuckDB file with these relations of a server's database, in a folder that goes with this process."""
    with _copying:
        known = _copies.get(place.name)
        if known is None or known[0] != version:
            if known is not None:
                known[2].close()
            stack = ExitStack()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=REPLAY_PREFIX)))
            stack.enter_context(owned(folder))
            known = _copies[place.name] = (version, folder, stack)
        file = known[1] / DATABASE
        with open_warehouse(place, read_only=True) as there, open_warehouse(file, prepared=True) as here:
            copy_relations(there, here, relations)
        return file
