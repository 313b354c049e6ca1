"""Two sets of sends laid side by side: what only one has, what the other has at another time or in another variant.

The comparing is SQL (`comparison.sql`); here belong where the two sides come from and the tables that stay. Whom a plan
touches, and why, is `dagster_drips.plan`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.late_data import STATEMENTS as LATE
from dagster_drips.pipeline.replay import STATEMENTS as REPLAY
from dagster_drips.pipeline.replay import Span
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, has_warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements

STATEMENTS = named_statements(Path(__file__).with_name("comparison.sql"))
DIFFERENCES = ("only_here", "only_there", "other_time", "other_variant", "other_enrollment")
"""What can be different of a mail; `here` is the replay, `there` what it is compared with."""


@dataclass(frozen=True)
class Compared:
    """How the sends of a replay differ from others.

    Args:
        same: mails that nothing distinguishes.
        differences: rows with `difference`, `sequence_id` and `mails`.
    """

    same: int
    differences: list[dict[str, Any]] = field(default_factory=list)

    def count(self, difference: str) -> int:
        """How many mails differ in this way."""
        return sum(row["mails"] for row in self.differences if row["difference"] == difference)


def sends_of_life(project: Project, span: Span) -> pl.DataFrame:
    """What was really sent in that span, by the project's own warehouse.

    Raises:
        DripsError: there is no warehouse, or a tick is writing it.
    """
    place = warehouse_of(project)
    if not has_warehouse(project):
        told = place if isinstance(place, Path) else place.name
        raise DripsError("nothing was sent yet that could be compared: there is no warehouse", file=told)
    with open_warehouse(place, read_only=True) as warehouse:
        return warehouse.frame(REPLAY["sends"], [span.start, span.end])


def compare(warehouse: Warehouse, span: Span, there: pl.DataFrame) -> Compared:
    """Compare a replay's sends with others; the differing rows stay in `comparison.sends`.

    Args:
        warehouse: the replay's, after its last tick.
        span: its ticks.
        there: sends of life, or of another replay of that span.
    """
    with warehouse.transaction():
        same = _differences(warehouse, span, there)
        warehouse.execute(STATEMENTS["drop_earlier"])
        warehouse.execute(STATEMENTS["name_sends"])
    return Compared(same, warehouse.rows(STATEMENTS["counts"]))


def compare_late(warehouse: Warehouse, span: Span, as_known: pl.DataFrame) -> list[dict[str, Any]]:
    """Which mails went wrongly or were missed because data came late; rows by source file.

    They stay in `comparison.late_sends` and `comparison.late_files`.

    Args:
        warehouse: of a replay `as_happened`, after its last tick.
        span: its ticks.
        as_known: sends of the same replay `as_known`.
    """
    with warehouse.transaction():
        _differences(warehouse, span, as_known)
        warehouse.execute(LATE["late_sends"])
        warehouse.execute(LATE["late_files"])
        warehouse.execute(LATE["drop_differences"])
    return warehouse.rows(LATE["told"])


def _differences(warehouse: Warehouse, span: Span, there: pl.DataFrame) -> int:
    warehouse.execute(STATEMENTS["schema"])
    warehouse.execute(STATEMENTS["received"])
    warehouse.append("comparison.received", there)
    warehouse.execute(STATEMENTS["here"], [span.start, span.end])
    grid = {"start": span.start, "seconds": span.every.total_seconds()}
    warehouse.rows(STATEMENTS["there"], grid)
    warehouse.execute(STATEMENTS["differences"])
    same = warehouse.value(STATEMENTS["same"])
    for side in ("here", "there", "received"):
        warehouse.execute(STATEMENTS[f"drop_{side}"])
    return same
