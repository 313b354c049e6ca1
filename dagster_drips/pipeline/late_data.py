"""When a replay knows what: as the rows say, as life came to know it, or as it happened.

Here belong the rows that were known late, and keeping them from a replay until then. What differs because of them is
`comparison`'s matter; visibility itself is the models' (T2).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse, has_warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements
from dagster_drips.warehouse.watermark import forget_watermark

Knowing = Literal["as_landed", "as_known", "as_happened"]
"""`as_landed`: all that is landed is known, from its `received_at` on (T2). `as_known`: not before the tick of life
that loaded it, either. `as_happened`: from its `occurred_at` on."""

STATEMENTS = named_statements(Path(__file__).with_name("late_data.sql"))


def loads_of(project: Project) -> list[dict[str, Any]]:
    """Which tick of life first decided with each landed file: `path`, `known_as_of`, `previous_as_of`.

    Nothing where the project has never had a tick.
    """
    if not has_warehouse(project):
        return []
    with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
        return warehouse.rows(STATEMENTS["loads"])


class LateRows:
    """What a replay does with rows that life knew of late, tick by tick.

    Args:
        knowing: when they are to be known.
        loads: as `loads_of` gives them.
    """

    def __init__(self, knowing: Knowing, loads: list[dict[str, Any]]):
        self._knowing = knowing
        self._loads = loads
        self._begun = False

    def settle(self, warehouse: Warehouse, as_of: datetime) -> None:
        """Have at this tick what is known by then; called when everything is loaded and nothing decided."""
        if not self._begun:
            self._begin(warehouse)
            forget_watermark(warehouse)
            self._begun = True
        if self._knowing == "as_known":
            with warehouse.transaction():
                # They come under the numbers of files that ticks have read already.
                forget_watermark(warehouse)
                for kind in LANDING_KINDS:
                    warehouse.execute(STATEMENTS[f"give_back_{kind}"], [as_of])
                    warehouse.execute(STATEMENTS[f"given_back_{kind}"], [as_of])

    def _begin(self, warehouse: Warehouse) -> None:
        with warehouse.transaction():
            warehouse.execute(STATEMENTS["schema"])
            warehouse.execute(STATEMENTS["loads_table"])
            warehouse.append_rows("late.loads", self._loads)
            warehouse.execute(STATEMENTS["files"])
            warehouse.execute(STATEMENTS["rows"])
            if self._knowing == "as_happened":
                warehouse.execute(STATEMENTS["forget_receipt"])
            if self._knowing == "as_known":
                for kind in LANDING_KINDS:
                    warehouse.execute(STATEMENTS[f"hold_{kind}"])
                    warehouse.execute(STATEMENTS[f"take_away_{kind}"])
