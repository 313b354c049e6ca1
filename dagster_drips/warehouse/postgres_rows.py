"""Frames into PostgreSQL and out of it: the text form of COPY, and the types that columns have on either side.

Only forms of values belong here; statements are `postgres`'s.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

_NULL = "\\N"
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
_DUCKDB_NAMES = {
    "character varying": "VARCHAR",
    "text": "VARCHAR",
    "timestamp without time zone": "TIMESTAMP",
    "time without time zone": "TIME",
    "double precision": "DOUBLE",
    "jsonb": "JSON",
}
"""What the rest of the package calls a type; all others go by PostgreSQL's name in capitals."""


def type_name(formatted: str) -> str:
    """A type as the rest of the package names it, from `format_type`."""
    if formatted.endswith("[]"):
        return f"{type_name(formatted[:-2])}[]"
    return _DUCKDB_NAMES.get(formatted) or formatted.upper().replace("NUMERIC", "DECIMAL")


def column_type(dtype: Any) -> str:
    """The type of a table's column that takes a frame's."""
    import polars as pl

    if isinstance(dtype, pl.List):
        return f"{column_type(dtype.inner)}[]"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "bigint"
    if dtype.is_float():
        return "double precision"
    if dtype == pl.Date:
        return "date"
    if dtype == pl.Datetime:
        return "timestamp"
    return "numeric" if dtype.is_decimal() else "varchar"


def copy_text(frame: pl.DataFrame) -> io.BytesIO:
    """The rows as COPY reads them in its text format: every value is what it was, texts like `\\N` too."""
    import polars as pl

    columns = [_escaped(_text(frame[name])).fill_null(_NULL).alias(str(nth)) for nth, name in enumerate(frame.columns)]
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_csv(buffer, include_header=False, separator="\t", quote_style="never")
    buffer.seek(0)
    return buffer


def _text(column: pl.Series) -> pl.Series:
    """Each value as PostgreSQL reads it."""
    import polars as pl

    if not isinstance(column.dtype, pl.List):
        return column.cast(pl.String)
    element = pl.element().cast(pl.String)
    quoted = '"' + element.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True) + '"'
    elements = column.list.eval(quoted.fill_null("NULL")).list.join(",")
    return ("{" + elements + "}").rename(column.name)


def _escaped(column: pl.Series) -> pl.Series:
    for character, written in _ESCAPES:
        column = column.str.replace_all(character, written, literal=True)
    return column


def frame_of(names: Sequence[str], codes: Sequence[int], rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """A result as a frame, typed by the columns and not by what happens to be in them.

    Args:
        names: of the columns.
        codes: their types, by PostgreSQL's object ids.
        rows: as the driver reads them.
    """
    import polars as pl

    known: dict[int, Any] = {16: pl.Boolean, 20: pl.Int64, 21: pl.Int32, 23: pl.Int32, 700: pl.Float64, 701: pl.Float64}
    known |= {1114: pl.Datetime("us"), 1082: pl.Date, 1009: pl.List(pl.String), 1015: pl.List(pl.String)}
    known |= dict.fromkeys((18, 19, 25, 705, 1043), pl.String)
    series = []
    for nth, (name, code) in enumerate(zip(names, codes, strict=True)):
        values = [row[nth] for row in rows]
        series.append(pl.Series(name, values, dtype=known[code]) if code in known else pl.Series(name, values))
    return pl.DataFrame(series)


def number(text: str | None) -> int | Decimal | None:
    """A `numeric` as DuckDB has it: sums of whole numbers are whole numbers."""
    if text is None:
        return None
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def with_structs(row: dict[str, Any]) -> dict[str, Any]:
    """Columns `event.lead_id` and so on as one, `event`: the driver reads no structs. None where all of it is null."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        struct, _, part = name.rpartition(".")
        if struct:
            found.setdefault(struct, {})[part] = value
        else:
            found[name] = value
    return {
        name: None if isinstance(value, dict) and all(part is None for part in value.values()) else value
        for name, value in found.items()
    }
