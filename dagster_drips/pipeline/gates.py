"""What a tick has to know of gates before it decides (G1): which data tests failed, which waivers were given.

A tick decides with the failures that the tick before left, then asks the tests, and decides once more where they say
something else: so the tests cost no second run of the models but where a gate shuts or opens. Here belongs what goes
into the tables that `sequence_gates` reads, and reading what it found.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.pipeline.waivers import load_waivers, waivers_file
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("gates.sql"))


def decided_at(warehouse: Warehouse) -> datetime | None:
    """The wall clock at which the tick that has begun decided; None where it has not."""
    return warehouse.value(_STATEMENTS["decided_at"])


def expect_gates(project: Project, warehouse: Warehouse, *, is_life: bool) -> None:
    """Set what is known before the models run: the waivers, and which tests are taken to fail.

    Args:
        project: whose waivers.
        warehouse: open for writing, with a tick begun.
        is_life: not a throw-away run, which takes all data tests to pass and knows waivers from when they were given.
            A tick that has decided keeps what tests said then, in either.

    Raises:
        DripsError: the waivers can't be read.
    """
    decided = decided_at(warehouse)
    if is_life:
        load_waivers(project, warehouse, given_until=decided)
    elif waivers_file(project).exists():  # the folder of a plan's side has none, and its warehouse has them
        load_waivers(project, warehouse, counts_from=lambda waiver: waiver.given_at)
    if decided is not None:
        set_failed_tests(warehouse, warehouse.rows(_STATEMENTS["known_failed_tests"]))
    elif not is_life:
        set_failed_tests(warehouse, [])


def set_failed_tests(warehouse: Warehouse, rows: list[dict[str, Any]]) -> bool:
    """Make these the tests that fail at this tick; returns whether others did, or spoke of other segments."""
    known = warehouse.rows(_STATEMENTS["failed_tests"])
    if _comparable(known, "test", "segment", "reason") == _comparable(rows, "test", "segment", "reason"):
        return False
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_failed_tests"])
        warehouse.append_rows("raw.failed_tests", rows)
    return _comparable(known, "test", "segment") != _comparable(rows, "test", "segment")


def holding_gates(warehouse: Warehouse) -> list[dict[str, Any]]:
    """What holds sequences at the last tick: `sequence_id`, `gate`, `reason`."""
    return warehouse.rows(_STATEMENTS["holding"])


def _comparable(rows: list[dict[str, Any]], *columns: str) -> list[str]:
    return sorted(repr([row[column] for column in columns]) for row in rows)
