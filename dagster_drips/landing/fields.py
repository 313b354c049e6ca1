"""Columns of leads: which are known, which are custom, and of which type each is.

The types come from `fields:` in `sequences/project.yml`; how they look in the warehouse belongs to `staging`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from dagster_drips.errors import DripsError
from dagster_drips.field_names import MAX_FIELDS, field_name_problem, same_field
from dagster_drips.landing.batches import Batch, Form
from dagster_drips.landing.checks import Checks
from dagster_drips.landing.conversion import shown, to_boolean, to_integer, to_number
from dagster_drips.landing.times import parse_time, time_type
from dagster_drips.vocabulary import LANDED_COLUMNS

KNOWN_FIELDS = LANDED_COLUMNS["leads"]
_NAMES_TOLD = 5


def _to_timestamp(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise ValueError(str(error).replace("not a time:", "not a timestamp:", 1)) from None


def _to_date(text: str) -> date:
    try:
        value = parse_time(text)
    except ValueError as error:
        _, semicolon, taken = str(error).partition(f"{shown(text)};")
        raise ValueError(f"not a date: {shown(text)}{semicolon[-1:]}{taken}") from None
    if value != datetime(value.year, value.month, value.day):
        raise ValueError(f"not a date: {shown(text)}")
    return value.date()


class FieldType(NamedTuple):
    """What a declared type means: the warehouse's type, Polars', the converter, and the JSON forms it takes."""

    sql: str
    dtype: Callable[[], pl.DataType | type[pl.DataType]]
    convert: Callable[[str], Any] | None
    forms: tuple[Form, ...]


FIELD_TYPES: Mapping[str, FieldType] = {
    "text": FieldType("VARCHAR", lambda: pl.String, None, tuple(Form)),
    "integer": FieldType("BIGINT", lambda: pl.Int64, to_integer, (Form.TEXT, Form.NUMBER)),
    "number": FieldType("DOUBLE", lambda: pl.Float64, to_number, (Form.TEXT, Form.NUMBER)),
    "boolean": FieldType("BOOLEAN", lambda: pl.Boolean, to_boolean, (Form.TEXT, Form.NUMBER, Form.BOOLEAN)),
    "date": FieldType("DATE", lambda: pl.Date, _to_date, (Form.TEXT, Form.NUMBER)),
    "timestamp": FieldType("TIMESTAMP", time_type, _to_timestamp, (Form.TEXT, Form.NUMBER)),
}
_ARTICLES = {"integer": "an"}


class LeadFields:
    """The columns of leads met so far. Names that differ only in the case of A to Z are one column.

    Args:
        declared: custom fields' types by name, keys of `FIELD_TYPES`.
        stored: names that the warehouse has already; they keep their spelling.

    Raises:
        DripsError: a declared type is unknown, or a name can't be a field's.
    """

    def __init__(self, declared: Mapping[str, str], stored: Iterable[str] = ()):
        self._declared = declared
        self._types: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for name in (*KNOWN_FIELDS, *stored, *declared):
            self._names.setdefault(same_field(name), name)
        for name, kind in declared.items():
            if kind not in FIELD_TYPES:
                raise DripsError(f"field {name}: unknown type {kind!r}; one of {', '.join(FIELD_TYPES)}")
            if problem := field_name_problem(name):
                raise DripsError(f"field {name!r}: the name {problem}; give the field another one")
            self._types[self._names[same_field(name)]] = kind
        self._undeclared = len([name for name in self.custom() if name not in self._types])

    def without_news(self, stored: Iterable[str]) -> LeadFields:
        """The same before it met any column but these, which the warehouse has."""
        return LeadFields(self._declared, stored)

    def type_of(self, name: str) -> FieldType:
        """The type of a custom field: the declared one, else text."""
        return FIELD_TYPES[self._types.get(name, "text")]

    def custom(self) -> list[str]:
        """Custom fields declared or met, in the order in which they came up."""
        return [name for name in self._names.values() if name not in KNOWN_FIELDS and not field_name_problem(name)]

    def named(self, batch: Batch) -> Batch:
        """The batch with each column under its one name.

        Rows that hold something in a column whose name can't be a field's are spoiled; empty, such a column is left
        out. So is a new field beyond the `MAX_FIELDS` that a project may have, with its values: who sends junk must not
        keep a lead from being known.
        """
        columns, spoiled = {}, dict(batch.spoiled)
        surplus: dict[str, int] = {}
        names = dict(self._names)
        for name, column in batch.columns.items():
            problem = None if name in KNOWN_FIELDS else field_name_problem(name)
            one = None if problem else self._one_name(name, names)
            if one is not None:
                columns[one] = columns[one].or_else(column) if one in columns else column
                continue
            filled = column.text.is_not_null().arg_true().to_list()
            if problem:
                for row in filled:
                    spoiled.setdefault(row, f"field {shown(name)}: the name {problem}")
            elif filled:
                surplus[name] = filled[0]
        return Batch(batch.lines, batch.rows, columns, spoiled, _left_out(surplus))

    def _one_name(self, name: str, names: dict[str, str]) -> str | None:
        """The field's spelling, added to `names` where it is new; None: there is no room for another field."""
        key = same_field(name)
        if key not in names and self._undeclared + len(names) - len(self._names) >= MAX_FIELDS:
            return None
        return names.setdefault(key, name)

    def is_new(self, name: str) -> bool:
        """Whether no row that was taken has brought this column, and nothing declares it."""
        return same_field(name) not in self._names

    def keep(self, names: Iterable[str]) -> None:
        """Have these columns from now on: rows are taken that came with them."""
        for name in names:
            if self.is_new(name):
                self._names[same_field(name)] = name
                self._undeclared += 1

    def kept(self) -> tuple[str, ...]:
        """All columns so far, to go `back_to` when the rows that brought further ones are taken back."""
        return tuple(self._names)

    def back_to(self, kept: tuple[str, ...]) -> None:
        """Forget the columns that were not there yet when `kept` was asked."""
        self._undeclared -= len(self._names) - len(kept)
        self._names = {key: self._names[key] for key in kept}

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
        return checks.converted(name, column.text.set(strange, None), field.convert, field.dtype())


def _left_out(surplus: Mapping[str, int]) -> dict[int, str]:
    """What is said of surplus fields, by the first row that has one; `surplus` has that row by name."""
    if not surplus:
        return {}
    told = ", ".join(shown(name) for name in list(surplus)[:_NAMES_TOLD]) + (" …" if len(surplus) > _NAMES_TOLD else "")
    reason = f"fields left out from this line on, as there are {MAX_FIELDS:,} already: {told}; the rows are taken"
    return {min(surplus.values()): reason}
