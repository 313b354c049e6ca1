"""From a landing file to batches of rows, whatever its format; Parquet is read here, text by a module a format.

The readers know encodings, line numbers and what makes a line malformed; they know no column. Memory is bounded by the
size of a block, whatever the size of the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from dagster_drips.landing.batches import CELLS_A_BATCH, MAX_COLUMNS, Batch, Column
from dagster_drips.landing.blocks import BLOCK_BYTES, UnpackedSize, is_utf8
from dagster_drips.landing.csv_reader import read_csv
from dagster_drips.landing.files import LandingFile, UnreadableFile
from dagster_drips.landing.json_reader import batches_of_json, read_json_lines

ROWS_A_BATCH = 25_000
# What a row without a single byte of its own counts for: a column of one value takes none, however many rows it has.
_ROW_BYTES = 16


def read_batches(file: LandingFile) -> Iterator[Batch]:
    """The rows of a file in its order, in batches.

    A row that can't be read is in its batch, marked as spoiled; blank lines are no rows. Whatever comes before the
    error is handed on already: the caller takes all of a file, or nothing.

    Raises:
        UnreadableFile: the file as a whole can't be read to its end.
    """
    readers = {".csv": read_csv, ".jsonl": read_json_lines, ".parquet": _read_parquet}
    try:
        yield from readers[file.format.removesuffix(".gz")](file.location)
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFile(" ".join(text.split()) or type(error).__name__) from error


def _read_parquet(path: Path) -> Iterator[Batch]:
    scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    width = len(scan.collect_schema())
    if width > MAX_COLUMNS:
        raise UnreadableFile(f"{width:,} columns; at most {MAX_COLUMNS:,}")
    rows = max(1, min(ROWS_A_BATCH, CELLS_A_BATCH // max(width, 1)))
    unpacked = UnpackedSize(path)
    row = 1
    for frame in scan.collect_batches(chunk_size=rows, maintain_order=True):
        for part in frame.iter_slices(rows):
            unpacked.add(int(part.estimated_size()) + part.height * _ROW_BYTES)
            for piece in _pieces(part):
                yield from _batches_of_frame(piece, row)
                row += piece.height


def _pieces(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The frame in pieces that are small as JSON: one value in a file may stand in many rows."""
    if frame.height > 1 and frame.estimated_size() > BLOCK_BYTES:
        half = frame.height // 2
        yield from _pieces(frame[:half])
        yield from _pieces(frame[half:])
    else:
        yield frame


def _batches_of_frame(frame: pl.DataFrame, first_row: int) -> Iterator[Batch]:
    empty = [name for name in frame.columns if frame[name].null_count() == frame.height]
    # The last text is what stands behind the last line end: nothing.
    texts = _writable(frame.drop(empty)).write_ndjson().encode().split(b"\n")[: frame.height]
    done = 0
    for batch in batches_of_json(texts, first_row, sound=True):
        part = frame[done : done + len(batch.lines)]
        for name in [name for name, dtype in part.schema.items() if dtype == pl.Binary]:
            lost = part[name].is_not_null() & batch.column(name).text.is_null()
            for row in lost.arg_true().to_list():
                batch.spoiled.setdefault(row, f"malformed row: {name} is not UTF-8")
        for name in empty:
            batch.columns[name] = Column.missing(len(batch.lines))
        yield batch
        done += len(batch.lines)


def _writable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with what JSON can't say as text: bytes, and numbers that are infinite (NaN is a missing number)."""
    columns = []
    for name, dtype in frame.schema.items():
        if dtype == pl.Binary:
            texts = [cell.decode() if cell is not None and is_utf8(cell) else None for cell in frame[name].to_list()]
            columns.append(pl.Series(name, texts, dtype=pl.String))
        elif dtype.is_float() and frame[name].is_infinite().any():
            columns.append(pl.when(pl.col(name).is_not_nan()).then(pl.col(name).cast(pl.String)).alias(name))
    return frame.with_columns(columns)
