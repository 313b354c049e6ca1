"""Parquet files to batches of rows, by way of JSON: types that JSON has no word for become texts.

How each type is written belongs here; what the values must be is for the checks.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from dagster_drips.landing.batches import CELLS_A_BATCH, MAX_COLUMNS, Batch, Column
from dagster_drips.landing.blocks import BLOCK_BYTES, UnpackedSize
from dagster_drips.landing.columns import known_name, missing_columns_problem, names_told
from dagster_drips.landing.files import LandingFile, UnreadableFile
from dagster_drips.landing.json_reader import batches_of_json
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("load.sql"))

ROWS_A_BATCH = 25_000
# What a row without a single byte of its own counts for: a column of one value takes none, however many rows it has.
_ROW_BYTES = 16
# Names whose numbers are no ids or texts: 1.0 stays what it is.
_NUMBERS = ("value", "properties")
_GLOB = re.compile(r"([*?\[])")
_UNITS_A_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST, _LAST = (int((at - datetime(1970, 1, 1)).total_seconds()) for at in (datetime.min, datetime.max))


def read_parquet(file: LandingFile) -> Iterator[Batch]:
    """The rows of a Parquet file; `lines` are row numbers.

    Raises:
        UnreadableFile: there are too many columns, one is of a type that nothing reads, or it unpacks too far.
    """
    path = file.location
    uuids = _uuid_columns(path)
    scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    names = scan.collect_schema().names()
    if len(names) > MAX_COLUMNS:
        raise UnreadableFile(f"{len(names):,} columns; at most {MAX_COLUMNS:,}")
    problem = missing_columns_problem(file.kind, [*names, *file.partitions])
    rows = max(1, min(ROWS_A_BATCH, CELLS_A_BATCH // max(len(names), 1)))
    unpacked = UnpackedSize(file)
    row = 1
    for frame in scan.collect_batches(chunk_size=rows, maintain_order=True):
        if problem and frame.height:
            yield Batch(
                [row], [", ".join(names)], {}, {0: f"{problem}; {names_told(names)}; no row of this file is taken"}
            )
            return
        for part in frame.iter_slices(rows):
            unpacked.add(int(part.estimated_size()) + part.height * _ROW_BYTES)
            for piece in _pieces(part):
                yield from _batches(piece, row, file.kind, uuids)
                row += piece.height


def _uuid_columns(path: Path) -> set[str]:
    """Columns of 16 bytes that are UUIDs, which Polars doesn't tell."""
    try:
        with duckdb.connect() as connection:
            leaves = connection.execute(_STATEMENTS["parquet_columns"], [_GLOB.sub(r"[\1]", str(path))]).fetchall()
    except duckdb.Error:
        return set()  # whatever is wrong with the file, Polars says it
    if intervals := [name for name, _, converted in leaves if converted == "INTERVAL"]:
        raise UnreadableFile(f"column {intervals[0]} is of type INTERVAL, which nothing here reads; land it as text")
    return {name for name, logical, _ in leaves if (logical or "").startswith("UUID")}


def _pieces(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The frame in pieces that are small as JSON: one value in a file may stand in many rows."""
    if frame.height > 1 and frame.estimated_size() > BLOCK_BYTES:
        half = frame.height // 2
        yield from _pieces(frame[:half])
        yield from _pieces(frame[half:])
    else:
        yield frame


def _batches(frame: pl.DataFrame, first_row: int, kind: str, uuids: set[str]) -> Iterator[Batch]:
    # A thousand columns without a value cost nothing; one column keeps the frame's height.
    empty = [name for name in frame.columns if frame[name].null_count() == frame.height][: frame.width - 1]
    texts, problems = _json_lines(frame.drop(empty), kind, uuids)
    done = 0
    for batch in batches_of_json(texts, first_row, sound=True):
        for row in range(len(batch.lines)):
            if done + row in problems:
                batch.spoiled.setdefault(row, f"malformed row: {problems[done + row]}")
        for name in empty:
            batch.columns[name] = Column.missing(len(batch.lines))
        yield batch
        done += len(batch.lines)


def _json_lines(frame: pl.DataFrame, kind: str, uuids: set[str]) -> tuple[list[bytes], dict[int, str]]:
    """The rows as JSON, and by row what is wrong with those that JSON can't say."""
    written: dict[str, list[str]] = {}
    columns, problems = [], {}
    for name, dtype in frame.schema.items():
        column = frame[name]
        if dtype == pl.Binary:
            texts, found = _each(column, _uuid_text if name in uuids else _text)
            columns.append(pl.Series(name, texts, dtype=pl.String))
        elif isinstance(dtype, pl.Datetime):
            column, found = _within_calendar(column)
            columns.append(column)
        elif dtype.is_float():
            is_text = kind == "leads" or known_name(kind, name) not in (None, *_NUMBERS)
            columns.append(_float(column, is_text=is_text))
            continue
        elif dtype.is_nested() and not _is_plain(column):
            texts, found = _each(column, lambda cell: json.dumps(_plain(cell), ensure_ascii=False))
            written[name] = [text or "null" for text in texts]
        else:
            continue
        for row, problem in found.items():
            problems.setdefault(row, f"{name} {problem}")
    lines = frame.with_columns(columns).drop(written).write_ndjson().encode().split(b"\n")[: frame.height]
    for name, texts in written.items():
        key = json.dumps(name, ensure_ascii=False)
        lines = [line[:-1] + f",{key}:{text}}}".encode() for line, text in zip(lines, texts, strict=True)]
    return lines, problems


def _each(column: pl.Series, convert: Any) -> tuple[list[str | None], dict[int, str]]:
    texts: list[str | None] = []
    problems = {}
    for row, cell in enumerate(column.to_list()):
        try:
            texts.append(None if cell is None else convert(cell))
        except ValueError as error:
            texts.append(None)
            problems[row] = str(error)
    return texts, problems


def _text(cell: bytes) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def _uuid_text(cell: bytes) -> str:
    return str(uuid.UUID(bytes=cell))


def _within_calendar(column: pl.Series) -> tuple[pl.Series, dict[int, str]]:
    """Times without those that no calendar has, as `infinity` becomes one: to write them would panic."""
    units = _UNITS_A_SECOND[column.dtype.time_unit]  # ty: ignore[missing-attribute]
    beyond = ~column.to_physical().is_between(max(_FIRST * units, -(2**63)), min(_LAST * units, 2**63 - 1))
    rows = beyond.fill_null(False).arg_true().to_list()
    return (column.set(beyond, None) if rows else column), dict.fromkeys(rows, "is a time out of range")


def _float(column: pl.Series, *, is_text: bool) -> pl.Series:
    """Numbers, or texts where JSON has no number for them (NaN is a missing one).

    pandas makes a column of integers one of floats when a value is missing; an id or a text such as 1.0 was a 1.
    """
    column = column.fill_nan(None)
    is_whole = (column.is_finite() & (column == column.round()) & (column.abs() < 2**63)).fill_null(False)
    if is_text and is_whole.any():
        wholes = column.set(~is_whole, None).cast(pl.Int64)
        if (is_whole | column.is_null()).all():
            return wholes
        return wholes.cast(pl.String).zip_with(is_whole, column.cast(pl.String)).alias(column.name)
    return column.cast(pl.String) if column.is_infinite().any() else column


def _is_plain(column: pl.Series) -> bool:
    """Whether Polars can write this nested column as JSON, and loses nothing."""
    dtype = column.dtype
    if isinstance(dtype, pl.Struct):
        return all(_is_plain(column.struct.field(field.name)) for field in dtype.fields)
    if isinstance(dtype, (pl.List, pl.Array)):
        return _is_plain(column.explode())
    if isinstance(dtype, pl.Map):
        return (
            dtype.key == pl.String
            and not dtype.value.is_nested()
            and dtype.value not in (pl.Binary, pl.Float32, pl.Float64)
        )
    if isinstance(dtype, pl.Datetime):
        return not _within_calendar(column)[1]
    return dtype != pl.Binary and not (dtype.is_float() and column.is_infinite().any())


def _plain(cell: Any) -> Any:
    if isinstance(cell, bytes):
        return _inner_text(cell)
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, list):
        return [_plain(item) for item in cell]
    if isinstance(cell, float):
        if math.isinf(cell):
            raise ValueError("has an infinite number in it")
        return None if math.isnan(cell) else cell
    return cell if cell is None or isinstance(cell, (bool, int, str)) else str(cell)


def _inner_text(cell: bytes) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise ValueError("has bytes in it that are not UTF-8") from None
