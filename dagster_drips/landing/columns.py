"""The columns of each kind that have a meaning of their own (the contract's section "In"), and how to know them.

Names only: what a value must be belongs to `kinds`, custom fields of leads to `fields`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dagster_drips.field_names import same_field
from dagster_drips.landing.batches import Batch, Column

KNOWN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "leads": (
        "lead_id",
        "created_at",
        "updated_at",
        "email",
        "first_name",
        "last_name",
        "company",
        "country",
        "locale",
        "timezone",
        "phone",
        "tags",
        "changed_fields",
    ),
    "events": ("event_id", "lead_id", "event", "occurred_at", "received_at", "properties", "value", "currency"),
    "suppressions": ("email", "reason", "occurred_at", "topic"),
    "engagement": (
        "message_id",
        "type",
        "occurred_at",
        "engagement_id",
        "topic",
        "url",
        "user_agent",
        "ip",
        "bounce_class",
        "detail",
    ),
}
REQUIRED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "leads": ("lead_id", "created_at"),
    "events": ("event_id", "lead_id", "event", "occurred_at"),
    "suppressions": ("email",),
    "engagement": ("message_id", "type"),
}
"""Without one of these no row of a file can be taken."""

_NAMES_TOLD = 8
# White space, and characters that nobody sees: zero-width ones, joiners, marks of direction, a byte order mark.
_AROUND = re.compile(r"^[\s\u200b-\u200f\u2060\ufeff]+|[\s\u200b-\u200f\u2060\ufeff]+$")


def known_name(kind: str, name: str) -> str | None:
    """The known column that a landed name stands for, whatever the case of A to Z and the space around; None: none."""
    plain = same_field(_AROUND.sub("", name))
    return plain if plain in KNOWN_COLUMNS[kind] else None


def missing_columns_problem(kind: str, names: Iterable[str]) -> str | None:
    """What is said of a file whose columns are these, where a required one is not among them; None: all are."""
    names = [name.strip() for name in names]
    known = {known_name(kind, name) for name in names}
    missing = [name for name in REQUIRED_COLUMNS[kind] if name not in known]
    if not missing:
        return None
    told = ", ".join(name if len(name) <= 40 else name[:39] + "…" for name in names[:_NAMES_TOLD])
    more = ", …" if len(names) > _NAMES_TOLD else ""
    return f"no column {', '.join(missing)} among {told or 'none'}{more}"


def with_known_names(batch: Batch, kind: str) -> Batch:
    """The batch with the known columns under their own names.

    Of two columns for one name the exactly written one counts, else the first, and the other where that is empty; what
    the other has beside it stays under the name it was landed with.
    """
    alike: dict[str, list[str]] = {}
    for name in batch.columns:
        if (known := known_name(kind, name)) is not None:
            alike.setdefault(known, []).append(name)
    if all(names == [known] for known, names in alike.items()):
        return batch
    columns = dict(batch.columns)
    for known, names in alike.items():
        first, *others = sorted(names, key=lambda name: name != known)
        column = columns.pop(first)
        for name in others:
            other = columns.pop(name)
            surplus = other.text.set(column.text.is_null(), None)
            column = column.or_else(other)
            if surplus.is_not_null().any():
                columns[name] = Column(surplus, other.form)
        columns[known] = column
    # In the order of the file: what comes up first gives a custom field its place.
    order = {known_name(kind, name) or name: place for place, name in enumerate(batch.columns)}
    columns = dict(sorted(columns.items(), key=lambda item: order.get(item[0], len(order))))
    return Batch(batch.lines, batch.rows, columns, batch.spoiled, batch.left_out)
