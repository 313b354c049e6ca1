"""From a landing file to batches of rows: one reader a format.

The readers know encodings, line numbers and what makes a line malformed; they know no column. Memory is bounded by the
block size, whatever the size of the file.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec
import polars as pl

from dagster_drips.landing.batches import Batch, Column, column_from_json
from dagster_drips.landing.files import LandingFile, UnreadableFile

BLOCK_BYTES = 8 << 20
LINE_LIMIT_BYTES = 64 << 20
CELL_LIMIT_CHARACTERS = 16 << 20
ROWS_A_BATCH = 25_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_batches(file: LandingFile) -> Iterator[Batch]:
    """The rows of a file in its order, in batches.

    A row that can't be read is in its batch, marked as spoiled; blank lines are no rows. Whatever comes before the
    error is handed on already: the caller takes all of a file, or nothing.

    Raises:
        UnreadableFile: the file as a whole can't be read to its end.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_json_lines, ".parquet": _read_parquet}
    try:
        yield from readers[file.format.removesuffix(".gz")](file.location)
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFile(" ".join(text.split()) or type(error).__name__) from error


def _blocks(path: Path) -> Iterator[bytes]:
    """A text file's bytes without a byte order mark, cut behind line ends."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        begun: list[bytes] = []
        at_start = True
        while data := stream.read(BLOCK_BYTES):
            if at_start:
                data, at_start = data.removeprefix(_BYTE_ORDER_MARK), False
            cut = data.rfind(b"\n") + 1
            if cut:
                yield b"".join((*begun, data[:cut]))
                begun = []
            begun.append(data[cut:])
            if sum(map(len, begun)) > LINE_LIMIT_BYTES:
                raise UnreadableFile(f"a line is longer than {LINE_LIMIT_BYTES >> 20} MiB")
        if rest := b"".join(begun):
            yield rest


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_json_lines(path: Path) -> Iterator[Batch]:
    line = 1
    for block in _blocks(path):
        texts = block.split(b"\n")
        yield _batch_of_json(texts, line, sound=_is_utf8(block))
        line += len(texts) - 1


def _batch_of_json(texts: Sequence[bytes], first_line: int, *, sound: bool) -> Batch:
    """One row a text that isn't blank; `sound` when all of it is known to be UTF-8."""
    batch = Batch([], [], {})
    records: list[dict[str, msgspec.Raw]] = []
    lines: list[int] = []
    rows: list[bytes] = []
    for line, text in enumerate(texts, first_line):
        if not text or text.isspace():
            continue
        record: dict[str, msgspec.Raw] = {}
        try:
            if sound or _is_utf8(text):
                record = _ROW.decode(text)
            else:
                batch.spoiled[len(lines)] = "malformed line: not UTF-8"
        except msgspec.ValidationError:
            batch.spoiled[len(lines)] = "malformed line: not a JSON object"
        except (msgspec.DecodeError, RecursionError) as error:
            batch.spoiled[len(lines)] = f"malformed line: {error}"
        lines.append(line)
        rows.append(text)
        records.append(record)
    batch.lines, batch.rows = lines, rows
    for name in dict.fromkeys(chain.from_iterable(records)):
        tokens = [None if (raw := record.get(name)) is None else str(raw, "utf-8") for record in records]
        batch.columns[name], problems = column_from_json(tokens)
        batch.spoiled |= problems
    return batch


def _read_parquet(path: Path) -> Iterator[Batch]:
    row = 1
    frames = pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_batches(
        chunk_size=ROWS_A_BATCH, maintain_order=True
    )
    for frame in frames:
        for part in frame.iter_slices(ROWS_A_BATCH):
            texts = _writable(part).write_ndjson().encode().split(b"\n")
            batch = _batch_of_json(texts, row, sound=True)
            for name in [name for name, dtype in part.schema.items() if dtype == pl.Binary]:
                lost = part[name].is_not_null() & batch.column(name).text.is_null()
                batch.spoiled |= dict.fromkeys(lost.arg_true().to_list(), f"malformed row: {name} is not UTF-8")
            yield batch
            row += part.height


def _writable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with what JSON can't say as text: bytes, and numbers that are infinite (NaN is a missing number)."""
    columns = []
    for name, dtype in frame.schema.items():
        if dtype == pl.Binary:
            texts = [cell.decode() if cell is not None and _is_utf8(cell) else None for cell in frame[name].to_list()]
            columns.append(pl.Series(name, texts, dtype=pl.String))
        elif dtype.is_float() and frame[name].is_infinite().any():
            columns.append(pl.when(pl.col(name).is_not_nan()).then(pl.col(name).cast(pl.String)).alias(name))
    return frame.with_columns(columns)


class _TextLines:
    """Lines of a text file for the CSV parser, which remembers what the parser took and can take lines back."""

    def __init__(self, path: Path):
        self._blocks = _blocks(path)
        self._waiting: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _TextLines:
        return self

    def __next__(self) -> str:
        while not self._waiting:
            # Bytes that aren't UTF-8 become lone surrogates, which nothing sound decodes to: they mark the bad rows.
            texts = next(self._blocks).decode("utf-8", "surrogateescape").split("\n")
            self._waiting.extend([text + "\n" for text in texts[:-1]])
            if texts[-1]:
                self._waiting.append(texts[-1])
        line = self._waiting.popleft()
        self.taken.append(line)
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))


def _records(lines: _TextLines) -> Iterator[tuple[int, str, list[str] | str]]:
    """Records of a CSV file: first line, text, and cells, or the reason why it has none.

    Of a record that can't be parsed only the first line is given up: a stray quote does not take the rest along.
    """
    # One cell may hold a whole JSON document. The limit is the process's, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT_CHARACTERS))
    parser = csv.reader(lines, strict=True)
    line = 1
    while True:
        lines.taken.clear()
        cells: list[str] | str
        try:
            cells = next(parser)
            taken = lines.taken
        except StopIteration:
            return
        except csv.Error as error:
            cells = f"malformed line: {error}"
            taken = lines.taken[:1]
            lines.give_back(lines.taken[1:])
        text = taken[0] if len(taken) == 1 else "".join(taken)
        first, line = line, line + len(taken)
        if not text.isspace():
            if not text.isascii() and not _encodes(text):
                cells = "malformed line: not UTF-8"
            yield first, text, cells


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_csv(path: Path) -> Iterator[Batch]:
    records = _records(_TextLines(path))
    line, text, header = next(records, (1, "", []))
    if problem := _header_problem(header):
        yield Batch([line], [text], {}, {0: problem})
        return
    names = [name.strip() for name in header]
    batch = _CsvBatch(names)
    for line, text, cells in records:
        batch.add(line, text, cells)
        if len(batch.lines) >= ROWS_A_BATCH or batch.characters >= BLOCK_BYTES:
            yield batch.finished()
            batch = _CsvBatch(names)
    if batch.lines:
        yield batch.finished()


def _header_problem(header: list[str] | str) -> str | None:
    if isinstance(header, str):
        return f"header: {header}; no row of this file is taken"
    names = [name.strip() for name in header if name.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"header: {twice[0]!r} is there twice; no row of this file is taken" if twice else None


class _CsvBatch:
    """Rows of a CSV file on their way into a `Batch`."""

    def __init__(self, names: list[str]):
        self._names = names
        self._cells: list[list[str | None]] = []
        self._texts: list[str] = []
        self._spoiled: dict[int, str] = {}
        self.lines: list[int] = []
        self.characters = 0

    def add(self, line: int, text: str, cells: Sequence[str | None] | str) -> None:
        width = len(self._names)
        if isinstance(cells, str) or len(cells) > width:
            reason = cells if isinstance(cells, str) else f"malformed line: {len(cells)} cells for {width} columns"
            self._spoiled[len(self.lines)] = reason
            cells = []
        if len(cells) < width:
            cells = [*cells, *[None] * (width - len(cells))]
        self._cells.append(list(cells))
        self._texts.append(text)
        self.lines.append(line)
        self.characters += len(text)

    def finished(self) -> Batch:
        columns: dict[str, Column] = {}
        for name, cells in zip(self._names, zip(*self._cells, strict=True), strict=True):
            series = pl.Series(cells, dtype=pl.String)
            column = Column(series.set(series == "", None))
            if name:
                columns[name] = column
            else:
                nameless = column.text.is_not_null().arg_true().to_list()
                self._spoiled |= dict.fromkeys(nameless, "malformed line: a cell in a column without a name")
        return Batch(self.lines, self._texts, columns, self._spoiled)
