"""What the last tick of a day left waiting, noted by the first tick of a later day before anything else changes.

A tick can't know that it is the last of its day, and what waits, and why, can't be told afterwards: limits, windows and
gates are those of the instant. So it is counted while the tables are still the earlier tick's, and kept in the journal
with what the later one decides. Why a step waits is dbt's (`pending_steps`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


def note_what_waits(warehouse: Warehouse, instant: datetime) -> None:
    """Count what the tick before left waiting, where a tick at this instant is the first of a later day.

    Args:
        warehouse: whose clock still shows the tick before.
        instant: of the tick that is about to begin.
    """
    if not warehouse.value(_STATEMENTS["is_over"], [instant]):
        return
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget"])
        warehouse.execute(_STATEMENTS["note"])
