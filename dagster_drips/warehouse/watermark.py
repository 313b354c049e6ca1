"""Up to where the tables that deciding keeps from tick to tick (dbt's folder `kept`) are current.

What belongs here: setting the watermark, telling whether it still holds, and giving it up, so that the next tick makes
those tables anew. What does not: which rows they have (dbt), when a tick commits (`pipeline.commits`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from dagster_drips.warehouse.marts_watermark import forget_marts_watermark, note_unmeasured_deliveries
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


def begin_reading(warehouse: Warehouse, made_by: str) -> bool:
    """Note what the decide models are about to read, as of which the next watermark is.

    Args:
        warehouse: open for writing.
        made_by: a fingerprint of the SQL that makes the kept tables.

    Returns:
        Whether the kept tables can be brought up to date from the watermark that there is, instead of being made anew.
    """
    made_of = json.dumps([made_by, warehouse.columns("raw.leads"), warehouse.value(_STATEMENTS["page_events"])])
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_next"])
        warehouse.execute(_STATEMENTS["note_next"], [made_of])
        warehouse.execute(_STATEMENTS["read_late"])
    return bool(warehouse.value(_STATEMENTS["is_current"], [made_of, warehouse.value(_STATEMENTS["tables"])]))


def drop_kept_tables(warehouse: Warehouse) -> None:
    """Have the next run of the models make the kept tables anew, from all that landed and was decided."""
    with warehouse.transaction():
        forget_watermark(warehouse)
        warehouse.execute(_STATEMENTS["drop_kept"])


def forget_watermark(warehouse: Warehouse) -> None:
    """For whoever changes rows that earlier ticks have read: the next tick makes the kept tables and the marts anew."""
    _forget(warehouse)
    forget_marts_watermark(warehouse)


def _forget(warehouse: Warehouse) -> None:
    for name in ("forget", "forget_sequences"):
        warehouse.execute(_STATEMENTS[name])


def set_watermark(warehouse: Warehouse, as_of: datetime) -> None:
    """A tick's decisions are committed: what the models have read is in the kept tables.

    To be called in the transaction of the commit.
    """
    _forget(warehouse)
    for name in ("set_sequences", "forget_late"):
        warehouse.execute(_STATEMENTS[name])
    warehouse.execute(_STATEMENTS["set"], [as_of, warehouse.value(_STATEMENTS["tables"])])


def note_late_deliveries(warehouse: Warehouse, messages: Sequence[tuple[str, datetime]]) -> None:
    """Deliveries are appended to the log: messages of ticks before the watermarks' are looked at anew by the next tick.

    Args:
        warehouse: in the transaction that appends them.
        messages: id of each, and the tick that decided its attempt.
    """
    note_unmeasured_deliveries(warehouse, messages)
    as_of = warehouse.value(_STATEMENTS["as_of"])
    if as_of is None:
        return
    if late := sorted({message_id for message_id, decided_at in messages if decided_at < as_of}):
        warehouse.execute(_STATEMENTS["note_late"], [" ".join(late)])
