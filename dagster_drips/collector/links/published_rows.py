"""Single rows of the marts as they were published last, for who shows a message again.

Of a DuckDB warehouse they are read from the set's Parquet files, as a tick may have locked it; a server's are asked for
there. What a row is used for is not known here.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import polars as pl

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements

Mart = Literal["messages", "enrollments", "lead_profiles"]
_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


class PublishedRows(Protocol):
    """The marts of one tick."""

    def one(self, mart: Mart, key: str, value: str) -> dict[str, Any]:
        """The row of a mart with that value in its key.

        Raises:
            DripsError: there is none, or nothing is published yet.
        """
        ...

    def version_since(self, sequence_id: str, as_of: datetime) -> datetime | None:
        """Since when the version of a sequence was live that was so at an instant; None where the marts don't say."""
        ...


class _OfFiles:
    def __init__(self, folder: Path):
        self._folder = folder

    def one(self, mart: Mart, key: str, value: str) -> dict[str, Any]:
        path = self._folder / f"{mart}.parquet"
        if not path.exists():
            raise DripsError("is not published yet", file=path)
        rows = pl.scan_parquet(path).filter(pl.col(key) == value).head(1).collect().to_dicts()
        return _only(rows, str(path), key, value)

    def version_since(self, sequence_id: str, as_of: datetime) -> datetime | None:
        path = self._folder / "sequence_versions.parquet"
        if not path.exists():
            return None
        known = pl.scan_parquet(path).filter(pl.col("sequence_id") == sequence_id, pl.col("since") <= as_of)
        return known.select(pl.col("since").max()).collect().item()


class _OfDatabase:
    def __init__(self, warehouse: Warehouse):
        self._warehouse = warehouse

    def one(self, mart: Mart, key: str, value: str) -> dict[str, Any]:
        if not self._warehouse.columns(f"marts.{mart}"):
            raise DripsError("is not there yet", file=f"marts.{mart}")
        return _only(self._warehouse.rows(_STATEMENTS[mart], [value]), f"marts.{mart}", key, value)

    def version_since(self, sequence_id: str, as_of: datetime) -> datetime | None:
        return self._warehouse.value(_STATEMENTS["version_since"], [sequence_id, as_of])


def _only(rows: list[dict[str, Any]], place: str, key: str, value: str) -> dict[str, Any]:
    if not rows:
        raise DripsError(f"has no {key} {value}", file=place)
    return rows[0]


@contextmanager
def published_rows(project: Project) -> Generator[PublishedRows]:
    """All of one tick, as far as they are asked for while this is open.

    Raises:
        DripsError: the server is away.
    """
    place = warehouse_of(project)
    if isinstance(place, Path):
        yield _OfFiles(project.published_set.resolve())
        return
    with open_warehouse(place, read_only=True) as warehouse:
        yield _OfDatabase(warehouse)
