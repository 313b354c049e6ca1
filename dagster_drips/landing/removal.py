"""A landing file without some of its rows, for erasing a person: the same format, the other rows as they were written.

Which rows are to go is said by the caller, by the line numbers of the readers' batches; putting the new file into the
old one's place is its business, too.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl

from dagster_drips.landing.blocks import text_blocks, text_form
from dagster_drips.landing.files import LandingFile
from dagster_drips.landing.json_reader import document_without

_ROW_NUMBER = "row number of the landing file"


def write_without(file: LandingFile, gone: Collection[int], target: Path) -> None:
    """Write the file without these lines; of Parquet and of a JSON document, without these rows (1 is the first).

    Raises:
        UnreadableFile: the file can't be read to its end.
    """
    if file.format == ".parquet":
        frame = pl.scan_parquet(file.location, glob=False, hive_partitioning=False).with_row_index(_ROW_NUMBER, 1)
        is_gone = pl.col(_ROW_NUMBER).is_in(pl.Series(sorted(gone), dtype=pl.UInt32).implode())
        frame.filter(~is_gone).drop(_ROW_NUMBER).sink_parquet(target, maintain_order=True)
        return
    form = text_form(file)
    document = document_without(file, gone) if "json" in file.format else None
    with _created(target, packed=file.format.endswith(".gz")) as stream:
        stream.write(form.mark)
        if document is not None:
            stream.write(form.encoded(document))
            return
        number = 0
        for block in text_blocks(file):
            # The last of the parts stands behind the last line end: nothing, but at the end of the file.
            *lines, last = block.split(b"\n")
            kept = [line + b"\n" for place, line in enumerate(lines, number + 1) if place not in gone]
            number += len(lines)
            if number + 1 not in gone:
                kept.append(last)
            stream.write(form.encoded(b"".join(kept)))


@contextmanager
def _created(path: Path, *, packed: bool) -> Generator[IO[bytes]]:
    with path.open("wb") as stream:
        if not packed:
            yield stream
            return
        # No time and no name in it: files that were equal stay equal.
        with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as compressed:
            yield compressed  # ty: ignore[invalid-yield]
