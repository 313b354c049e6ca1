"""Columns of leads: which are known, which are custom, and of which type each is.

The types come from `fields:` in `sequences/project.yml`; how they look in the warehouse belongs to `staging`.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from dagster_drips.errors import DripsError
from dagster_drips.landing.batches import Batch, Form
from dagster_drips.landing.checks import Checks
from dagster_drips.landing.conversion import shown, to_boolean, to_integer, to_number
from dagster_drips.landing.times import TIME, parse_time

KNOWN_FIELDS = (
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
    "_drips_source",
)
# What our own columns of raw.leads begin with.
_RESERVED = ("_load", "_line")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def _to_date(text: str) -> date:
    try:
        value = parse_time(text)
    except ValueError:
        raise ValueError(f"not a date: {shown(text)}") from None
    if value != datetime(value.year, value.month, value.day):
        raise ValueError(f"not a date: {shown(text)}")
    return value.date()


class FieldType(NamedTuple):
    """What a declared type means: the warehouse's type, Polars', the converter, and the JSON forms it takes."""

    sql: str
    dtype: pl.DataType | type[pl.DataType]
    convert: Callable[[str], Any] | None
    forms: tuple[Form, ...]


FIELD_TYPES: Mapping[str, FieldType] = {
    "text": FieldType("VARCHAR", pl.String, None, tuple(Form)),
    "integer": FieldType("BIGINT", pl.Int64, to_integer, (Form.TEXT, Form.NUMBER)),
    "number": FieldType("DOUBLE", pl.Float64, to_number, (Form.TEXT, Form.NUMBER)),
    "boolean": FieldType("BOOLEAN", pl.Boolean, to_boolean, (Form.TEXT, Form.NUMBER, Form.BOOLEAN)),
    "date": FieldType("DATE", pl.Date, _to_date, (Form.TEXT,)),
    "timestamp": FieldType("TIMESTAMP", TIME, parse_time, (Form.TEXT,)),
}
_ARTICLES = {"integer": "an"}


class LeadFields:
    """The columns of leads met so far. Names that differ only in the case of A to Z are one column.

    Args:
        declared: custom fields' types by name, keys of `FIELD_TYPES`.
        stored: names that the warehouse has already; they keep their spelling.

    Raises:
        DripsError: a declared type is unknown, or a name is one of our own.
    """

    def __init__(self, declared: Mapping[str, str], stored: Iterable[str] = ()):
        self._types: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for name in (*KNOWN_FIELDS, *stored, *declared):
            self._names.setdefault(name.translate(_LOWER), name)
        for name, kind in declared.items():
            if kind not in FIELD_TYPES:
                raise DripsError(f"field {name}: unknown type {kind!r}; one of {', '.join(FIELD_TYPES)}")
            if _is_reserved(name) or not name.strip():
                raise DripsError(f"field {name!r}: the name is reserved; give the field another one")
            self._types[self._names[name.translate(_LOWER)]] = kind

    def type_of(self, name: str) -> FieldType:
        """The type of a custom field: the declared one, else text."""
        return FIELD_TYPES[self._types.get(name, "text")]

    def custom(self) -> list[str]:
        """Custom fields declared or met, in the order in which they came up."""
        return [name for name in self._names.values() if name not in KNOWN_FIELDS and not _is_reserved(name)]

    def named(self, batch: Batch) -> Batch:
        """The batch with each column under its one name.

        Rows that hold something in a column without a name, or in one that is named like our own (`_load…`, `_line…`),
        are spoiled; empty, such a column is left out.
        """
        columns, spoiled = {}, dict(batch.spoiled)
        for name, column in batch.columns.items():
            if _is_reserved(name) or not name.strip():
                for row in column.text.is_not_null().arg_true().to_list():
                    spoiled.setdefault(row, f"{name!r} can't be the name of a field")
                continue
            one = self._names.setdefault(name.translate(_LOWER), name)
            columns[one] = columns[one].or_else(column) if one in columns else column
        return Batch(batch.lines, batch.rows, columns, spoiled)

    def typed(self, checks: Checks, name: str) -> pl.Series:
        """A custom field in its type, or a known text; rows with anything else are refused."""
        kind = self._types.get(name, "text") if name not in KNOWN_FIELDS else "text"
        field = FIELD_TYPES[kind]
        if field.convert is None:
            return checks.text(name)
        column = checks.optional(name)
        strange = column.text.is_not_null() & ~column.has_form(*field.forms)
        what = f"{name}: not {_ARTICLES.get(kind, 'a')} {kind}"
        checks.reject(strange, lambda row: f"{what}: {shown(column.text[row])}")
        return checks.converted(name, column.text.set(strange, None), field.convert, field.dtype)


def _is_reserved(name: str) -> bool:
    return name.translate(_LOWER).startswith(_RESERVED)
