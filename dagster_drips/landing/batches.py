"""The one shape in which all readers hand on rows: columns of text, and what JSON said each cell was.

Readers fill a `Batch`, the checks of each kind read it. No rule about any column belongs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache

import msgspec
import polars as pl

from dagster_drips.field_names import MAX_FIELDS

ROW_LIMIT = 10_000
"""Characters of a rejected row that are kept."""
MAX_COLUMNS = MAX_FIELDS + 100
"""Columns of a file, and keys of a row of JSON: all the custom fields of a project, and the known columns."""
CELLS_A_BATCH = 1_000_000
"""Rows times columns of a batch: what bounds its memory where there are many columns."""


class Form(IntEnum):
    """What a cell was before it became text; cells of CSV are all TEXT."""

    TEXT = 0
    NUMBER = 1
    BOOLEAN = 2
    NESTED = 3


@cache
def _of_token() -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Of a column `token` of JSON: its text, its `Form`, and whether it has escapes."""
    token = pl.col("token")
    first = token.str.slice(0, 1)
    quoted = first == '"'
    text = pl.when(quoted).then(token.str.strip_chars('"')).when(token != "null").then(token)  # noqa: S105 - a piece of JSON
    form = (
        pl.when(quoted | token.is_null())
        .then(pl.lit(Form.TEXT, pl.UInt8))
        .when(first.is_in(["t", "f"]))
        .then(pl.lit(Form.BOOLEAN, pl.UInt8))
        .when(first.is_in(["{", "["]))
        .then(pl.lit(Form.NESTED, pl.UInt8))
        .otherwise(pl.lit(Form.NUMBER, pl.UInt8))
    )
    escaped = quoted & token.str.contains("\\", literal=True)
    return text.alias("text"), form.alias("form"), escaped.alias("escaped")


@dataclass(frozen=True)
class Column:
    """One column of a batch.

    Args:
        text: String cells; a JSON string is unquoted, everything else in JSON stays as it was written. Missing and
            null are null.
        form: `Form` codes (UInt8) by cell; None where all cells are TEXT.
    """

    text: pl.Series
    form: pl.Series | None = None

    def has_form(self, *forms: Form) -> pl.Series:
        """Which cells are there and of one of these forms."""
        there = self.text.is_not_null()
        if self.form is None:
            return there if Form.TEXT in forms else there & False
        return there & self.form.is_in([int(form) for form in forms])

    def or_else(self, other: Column) -> Column:
        """This column's cells, the other's where this has none."""
        mine = self.text.is_not_null()
        forms = [column.form if column.form is not None else _all_text(len(mine)) for column in (self, other)]
        return Column(self.text.zip_with(mine, other.text), forms[0].zip_with(mine, forms[1]))

    def json(self, row: int) -> str:
        """The cell as a JSON value."""
        text = self.text[row]
        if text is None:
            return "null"
        is_text = self.form is None or self.form[row] == Form.TEXT
        return msgspec.json.encode(text).decode() if is_text else text

    @classmethod
    def missing(cls, height: int) -> Column:
        """A column without any cell."""
        return cls(pl.Series([None] * height, dtype=pl.String))


@dataclass
class Batch:
    """Some consecutive rows of one file.

    Args:
        lines: 1-based line at which each row starts (row number for Parquet).
        rows: each row as it came.
        columns: by name as landed; all as long as `lines`.
        spoiled: reasons by row index, for rows that could not be read at all.
        left_out: by row index, what is said of a row that can be taken but for a part.
    """

    lines: Sequence[int]
    rows: Sequence[str | bytes]
    columns: dict[str, Column]
    spoiled: dict[int, str] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The column of that name, or an empty one."""
        return self.columns.get(name) or Column.missing(len(self.lines))

    def row_as_it_came(self, index: int) -> str:
        """A row for `raw.rejected_rows`: without its line end, cut at `ROW_LIMIT`, bad bytes shown as `\\xff`."""
        row = self.rows[index]
        if isinstance(row, str):
            row = row[: ROW_LIMIT + 2].encode("utf-8", "surrogateescape")
        return row.decode("utf-8", "backslashreplace").rstrip("\r\n")[:ROW_LIMIT]


def column_from_json(tokens: Sequence[str | None]) -> tuple[Column, dict[int, str]]:
    """A column out of JSON values as they were written, and reasons by index for strings that aren't sound."""
    frame = pl.Series("token", tokens, dtype=pl.String).to_frame().select(*_of_token())
    text, problems = frame["text"], {}
    escaped = frame["escaped"].fill_null(False).arg_true().to_list()
    if escaped:
        cells = text.to_list()
        for index in escaped:
            try:
                cells[index] = msgspec.json.decode(tokens[index] or "", type=str)
            except ValueError as error:
                cells[index], problems[index] = None, f"malformed line: {error}"
        text = pl.Series(cells, dtype=pl.String)
    return Column(text, frame["form"] if (frame["form"] != Form.TEXT).any() else None), problems


def _all_text(height: int) -> pl.Series:
    return pl.repeat(Form.TEXT, height, dtype=pl.UInt8, eager=True)
