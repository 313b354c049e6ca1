"""From a landing file to batches of rows, whatever its format; a module a format does it.

The readers know encodings, line numbers and what makes a line malformed; of columns they know the names. Memory is
bounded by the size of a block, whatever the size of the file; only a JSON document is read at once, and limited.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import polars as pl

from dagster_drips.landing.batches import Batch, Column
from dagster_drips.landing.columns import known_name, with_known_names
from dagster_drips.landing.csv_reader import read_csv
from dagster_drips.landing.files import LandingFile, UnreadableFile
from dagster_drips.landing.json_reader import read_json
from dagster_drips.landing.parquet_reader import read_parquet

_READERS = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".parquet": read_parquet,
}


def read_batches(file: LandingFile) -> Iterator[Batch]:
    """The rows of a file in its order, in batches; known columns have their own names, in whatever case they came.

    A row that can't be read is in its batch, marked as spoiled; blank lines are no rows. Whatever comes before the
    error is handed on already: the caller takes all of a file, or nothing.

    Raises:
        UnreadableFile: the file as a whole can't be read to its end.
    """
    try:
        for batch in _READERS[file.format.removesuffix(".gz")](file):
            yield _with_partitions(with_known_names(batch, file.kind), file)
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFile(" ".join(text.split()) or type(error).__name__) from error


def _with_partitions(batch: Batch, file: LandingFile) -> Batch:
    """With known columns that only the file's folders tell (`event=signup/part-0.parquet`), as Hive has it."""
    for name, value in file.partitions.items():
        known = known_name(file.kind, name)
        if known is not None and known not in batch.columns:
            batch.columns[known] = Column(pl.Series([value] * len(batch.lines), dtype=pl.String))
    return batch
