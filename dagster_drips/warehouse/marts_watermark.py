"""Up to where the marts that are brought up to date are current: those that grow with history.

It is theirs alone and set after they were built, so that a build that died is repeated over the same news. What belongs
here: setting it, telling whether it still holds, and giving it up. What does not: which rows are news (dbt's macros
`since_marts`), when marts are built (`pipeline.tick`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

BROUGHT_UP_TO_DATE = (
    *("marts.engagement", "marts.enrollment_decisions", "marts.events", "marts.message_attempts"),
    *("marts.sales_attribution", "intermediate.int_engagement_facts"),
)
"""The incremental models of dbt's folder `marts`: they replace the rows of what is news, and keep all others."""

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True)
class Measured:
    """What a build of the marts is about to read.

    Args:
        as_of: the tick that has begun last; None where none has.
        load_id: the last file that was loaded.
        made_of: what else their rows depend on.
    """

    as_of: datetime | None
    load_id: int
    made_of: str


def begin_measuring(warehouse: Warehouse, fingerprint: str) -> Measured:
    """Tell what the marts are about to read; where they can't be brought up to date they go, to be made anew.

    Args:
        warehouse: in no transaction.
        fingerprint: of the dbt project: another SQL is another mart.
    """
    made_of = json.dumps([fingerprint, *warehouse.rows(_STATEMENTS["settings"])], default=str)
    found = warehouse.rows(_STATEMENTS["read"])[0]
    measured = Measured(found["as_of"], found["load_id"], made_of)
    is_whole = all(warehouse.columns(table) for table in BROUGHT_UP_TO_DATE)
    if not is_whole or not warehouse.value(_STATEMENTS["is_current"], [made_of]):
        with warehouse.transaction():
            forget_marts_watermark(warehouse)
            for table in BROUGHT_UP_TO_DATE:
                warehouse.execute(f"drop table if exists {table} cascade")
    return measured


def end_measuring(warehouse: Warehouse, measured: Measured) -> None:
    """The incremental marts were built from what `begin_measuring` told."""
    with warehouse.transaction():
        forget_marts_watermark(warehouse)
        if measured.as_of is not None:
            warehouse.execute(_STATEMENTS["set"], [measured.as_of, measured.load_id, measured.made_of])


def forget_marts_watermark(warehouse: Warehouse) -> None:
    """For whoever changes rows that marts were made of: the next build makes them anew."""
    for name in ("forget", "forget_unmeasured"):
        warehouse.execute(_STATEMENTS[name])


def note_unmeasured_deliveries(warehouse: Warehouse, messages: Sequence[tuple[str, datetime]]) -> None:
    """Deliveries are appended to the log: messages of ticks before the watermark's are news, too.

    Args:
        warehouse: in the transaction that appends them.
        messages: id of each, and the tick that decided its attempt.
    """
    as_of = warehouse.value(_STATEMENTS["as_of"])
    if as_of is None:
        return
    if late := sorted({message_id for message_id, decided_at in messages if decided_at < as_of}):
        warehouse.execute(_STATEMENTS["note_unmeasured"], [" ".join(late)])
