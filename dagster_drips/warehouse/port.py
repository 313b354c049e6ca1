"""The port: opening a warehouse, whatever engine it is on.

Only the choice belongs here. The verbs are those of `duckdb_file.Warehouse`; another engine is another class with them
(`postgres`).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from dagster_drips.warehouse.database import Place, PostgresDatabase
from dagster_drips.warehouse.duckdb_file import Warehouse, WarehouseBusy, opened_duckdb

__all__ = ["Warehouse", "WarehouseBusy", "open_warehouse"]


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
