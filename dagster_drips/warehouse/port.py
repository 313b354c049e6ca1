"""The port: opening a warehouse, whatever engine it is on.

Only the choice belongs here. The verbs are those of `duckdb_file.Warehouse`; another engine is another class with them
(`postgres`).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dagster_drips.project import Project
from dagster_drips.warehouse.database import Place, PostgresDatabase, warehouse_of
from dagster_drips.warehouse.duckdb_file import Warehouse, WarehouseBusy, opened_duckdb

__all__ = ["Warehouse", "WarehouseBusy", "has_warehouse", "open_warehouse"]


@contextmanager
def open_warehouse(place: Place, *, read_only: bool = False, prepared: bool = False) -> Generator[Warehouse]:
    """The warehouse there, its schemas created where they are missing.

    Args:
        place: a DuckDB file, or a database of a PostgreSQL server.
        read_only: nothing is created, and a PostgreSQL database can be read while a tick writes to it.
        prepared: nothing is missing, since this process has opened it before, and holds its lock.

    Raises:
        WarehouseBusy: another process holds the file, or writes to the database.
        DripsError: it can't be read, or whatever else the engine says that nobody caught before: a full disk, no
            memory, a server that is away, a fault of its own.
    """
    if isinstance(place, PostgresDatabase):
        # Imported late, as the driver is: it comes with an extra.
        from dagster_drips.warehouse.postgres import opened_postgres

        with opened_postgres(place, read_only=read_only, prepared=prepared) as warehouse:
            yield warehouse
    else:
        with opened_duckdb(place, read_only=read_only, prepared=prepared) as warehouse:
            yield warehouse


def has_warehouse(project: Project) -> bool:
    """Whether there is something to read: the project's file, or in its database what a first tick makes.

    Raises:
        DripsError: the server is away, or refuses us.
    """
    place = warehouse_of(project)
    if isinstance(place, Path):
        return place.exists()
    with open_warehouse(place, read_only=True) as warehouse:
        return bool(warehouse.columns("journal.ticks"))
