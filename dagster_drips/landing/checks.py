"""The checks that rows of every kind go through: what must be there, and what it must look like.

A `Checks` collects the reasons why rows of one batch can't be taken; a row's first reason counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from dagster_drips.landing.batches import Batch, Column, Form
from dagster_drips.landing.conversion import Converted, convert_each, shown, to_amount
from dagster_drips.landing.times import parse_times, time_type


@dataclass(frozen=True)
class Checked:
    """A batch after its checks.

    Args:
        frame: one row a row of the batch, columns as in the kind's raw table.
        reasons: by row index, why a row can't be taken; what the frame says of such a row means nothing.
        left_out: by row index, what is said of a part of a row that isn't taken with the rest.
    """

    frame: pl.DataFrame
    reasons: dict[int, str]
    left_out: dict[int, str]


class Checks:
    """Reads columns of a batch as what they have to be, and notes the rows where they aren't."""

    def __init__(self, batch: Batch):
        self.batch = batch
        self.reasons = dict(batch.spoiled)

    def reject(self, rows: pl.Series, reason: str | Callable[[int], str]) -> None:
        """Refuse the rows of this mask that aren't refused yet."""
        for row in rows.fill_null(False).arg_true().to_list():
            if row not in self.reasons:
                self.reasons[row] = reason if isinstance(reason, str) else reason(row)

    def reject_each(self, name: str, problems: dict[int, str]) -> None:
        """Refuse rows, each with its own reason about this column."""
        for row, problem in problems.items():
            self.reasons.setdefault(row, f"{name}: {problem}")

    def text(self, name: str) -> pl.Series:
        """An optional text, as landed and untrimmed; JSON's other values as they were written."""
        return self.batch.column(name).text

    def optional(self, name: str) -> Column:
        """An optional column of another type than text, in which blank counts as missing."""
        column = self.batch.column(name)
        return Column(column.text.set(_blank(column.text), None), column.form)

    def required(self, name: str) -> pl.Series:
        """A text or number that must be there, as landed and untrimmed."""
        column = self.batch.column(name)
        self.reject(column.text.is_null() | _blank(column.text), f"{name} missing")
        strange = column.has_form(Form.BOOLEAN, Form.NESTED)
        self.reject(strange, lambda row: f"{name}: not a text or a number: {shown(column.text[row])}")
        return column.text

    def time(self, name: str) -> pl.Series:
        """An optional time as naive UTC."""
        converted = self.unchecked_time(name)
        self.reject_each(name, converted.problems)
        return converted.values

    def required_time(self, name: str) -> pl.Series:
        """A time that must be there, as naive UTC."""
        column = self.optional(name)
        self.reject(column.text.is_null(), f"{name} missing")
        return self.time(name)

    def unchecked_time(self, name: str) -> Converted:
        """A time, the problems left to the caller (L3: a suppression doesn't need a readable one)."""
        column = self.optional(name)
        if not column.text.is_not_null().any():
            return Converted(pl.repeat(None, len(column.text), dtype=time_type(), eager=True), {})
        other = column.has_form(Form.BOOLEAN, Form.NESTED)
        converted = parse_times(column.text.set(other, None))
        strange = {row: f"not a time: {shown(column.text[row])}" for row in other.arg_true().to_list()}
        return Converted(converted.values, converted.problems | strange)

    def amount(self, name: str) -> pl.Series:
        """An optional amount for `decimal(18, 4)`, as text that casts to it."""
        column = self.optional(name)
        strange = column.has_form(Form.BOOLEAN, Form.NESTED)
        self.reject(strange, lambda row: f"{name}: not a number: {shown(column.text[row])}")
        return self.converted(name, column.text.set(strange, None), to_amount, pl.String)

    def address(self, name: str, text: pl.Series, convert: Callable[[str], str]) -> pl.Series:
        """Mail addresses; only those that have what most have not go through the converter."""
        plain = ~text.str.contains(r"[^\x00-\x7f]|[<>]|(?i)mailto:").fill_null(False)
        if plain.all():
            return text
        return text.zip_with(plain, self.converted(name, text.set(plain, None), convert, pl.String))

    def converted(
        self, name: str, text: pl.Series, convert: Callable[[str], Any], dtype: pl.DataType | type[pl.DataType]
    ) -> pl.Series:
        """A column by a converter (see `conversion`); rows with anything else are refused."""
        converted = convert_each(text, convert, dtype)
        self.reject_each(name, converted.problems)
        return converted.values

    def result(self, columns: dict[str, pl.Series]) -> Checked:
        """What the checks found."""
        lines = pl.Series(self.batch.lines, dtype=pl.Int64)
        frame = pl.DataFrame({name: series.alias(name) for name, series in columns.items()} | {"_line": lines})
        return Checked(frame, self.reasons, self.batch.left_out)


def _blank(text: pl.Series) -> pl.Series:
    return (text.str.strip_chars() == "").fill_null(False)
