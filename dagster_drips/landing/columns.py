"""The columns of each kind that have a meaning of their own (the contract's section "In"), and how to know them.

Names only: what a value must be belongs to `kinds`, custom fields of leads to `fields`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dagster_drips.field_names import same_field
from dagster_drips.landing.batches import Batch, Column
from dagster_drips.landing.conversion import UNSEEN
from dagster_drips.vocabulary import LANDED_COLUMNS

REQUIRED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "leads": ("lead_id", "created_at"),
    "events": ("event_id", "lead_id", "event", "occurred_at"),
    "suppressions": ("email",),
    "engagement": ("message_id", "type"),
}
"""Without one of these no row of a file can be taken."""

_NAMES_TOLD = 8
_AROUND = re.compile(f"^[{UNSEEN}]+|[{UNSEEN}]+$")


def known_name(kind: str, name: str) -> str | None:
    """The known column that a landed name stands for, whatever the case of A to Z and the space around; None: none."""
    plain = same_field(_AROUND.sub("", name))
    return plain if plain in LANDED_COLUMNS[kind] else None


def missing_columns_problem(kind: str, names: Iterable[str]) -> str | None:
    """What is said of a file with these columns that lacks a required one; None: it lacks none."""
    names = [name.strip() for name in names]
    known = {known_name(kind, name) for name in names}
    missing = [name for name in REQUIRED_COLUMNS[kind] if name not in known]
    return f"no column {', '.join(missing)}" if missing else None


def names_told(names: Iterable[str]) -> str:
    """The columns that a file has, for a reason; not more of them than one reads."""
    told = [name.strip() for name in names]
    shortened = [name if len(name) <= 40 else name[:39] + "…" for name in told[:_NAMES_TOLD]]
    return "the columns are " + ", ".join(shortened) + (", …" if len(told) > _NAMES_TOLD else "")


def with_known_names(batch: Batch, kind: str) -> Batch:
    """The batch with the known columns under their own names.

    Of two columns for one name each may have what the other lacks; a row in which they differ is spoiled.
    """
    if all(known_name(kind, name) in (None, name) for name in batch.columns):
        return batch
    columns: dict[str, Column] = {}
    spoiled = dict(batch.spoiled)
    for landed, column in batch.columns.items():
        name = known_name(kind, landed) or landed
        if name in columns:
            both = columns[name].text.is_not_null() & column.text.is_not_null() & (columns[name].text != column.text)
            for row in both.arg_true().to_list():
                spoiled.setdefault(row, f"{name} is there twice, with different values")
            column = columns[name].or_else(column)
        columns[name] = column
    return Batch(batch.lines, batch.rows, columns, spoiled, batch.left_out)
