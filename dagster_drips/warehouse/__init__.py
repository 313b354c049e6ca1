"""The port to the warehouse: connection, bulk reads and appends, transactions.

What belongs here: moving rows. What does not: deciding anything about them. SQL that dbt does not own lies in named
.sql files beside the code that runs it.
"""

from dagster_drips.warehouse.database import Place, PostgresDatabase, warehouse_of
from dagster_drips.warehouse.engine_errors import engine_error
from dagster_drips.warehouse.port import Warehouse, WarehouseBusy, has_warehouse, open_warehouse

__all__ = [
    "Place",
    "PostgresDatabase",
    "Warehouse",
    "WarehouseBusy",
    "engine_error",
    "has_warehouse",
    "open_warehouse",
    "warehouse_of",
]
