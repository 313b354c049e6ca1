"""CSV files to batches of rows.

What makes a line a record, and how many columns and cells there may be, belong here; what the values must be is for the
checks.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from dagster_drips.json_limits import MAX_BYTES
from dagster_drips.landing.batches import CELLS_A_BATCH, MAX_COLUMNS, Batch, Column
from dagster_drips.landing.blocks import BLOCK_BYTES, LINE_LIMIT_BYTES, text_blocks
from dagster_drips.landing.columns import known_name, missing_columns_problem, names_told
from dagster_drips.landing.files import LandingFile, UnreadableFile

CELL_LIMIT_CHARACTERS = 16 << 20
ROWS_A_BATCH = 25_000
_SEPARATORS = (",", ";", "\t", "|")
_NAMES = {"\t": "tab"}
_SEPARATOR_SAID = re.compile(r"\"?sep=([^\r\n\"])\"?\s*", re.IGNORECASE)
_NUL = "a NUL character"
_IN_OTHER_WORDS = {"new-line character": "a carriage return that ends no line"}


class _TextLines:
    """Lines of a text file for the CSV parser, which remembers what the parser took and can take lines back."""

    def __init__(self, file: LandingFile):
        self._blocks = text_blocks(file)
        self._waiting: deque[str] = deque()
        self.taken: list[str] = []
        self._taken_characters = 0

    def __iter__(self) -> _TextLines:
        return self

    def __next__(self) -> str:
        while not self._waiting:
            self._wait_for(next(self._blocks))
        line = self._waiting.popleft()
        self.taken.append(line)
        self._taken_characters += len(line)
        if self._taken_characters > LINE_LIMIT_BYTES:
            raise UnreadableFile(f"a record is longer than {LINE_LIMIT_BYTES >> 20} MiB")
        return line

    def begin_record(self) -> int:
        """Forget what was taken and pass over blank lines; returns how many there were."""
        self.taken.clear()
        self._taken_characters = blank = 0
        while True:
            while self._waiting and self._waiting[0].isspace():
                self._waiting.popleft()
                blank += 1
            if self._waiting or (block := next(self._blocks, None)) is None:
                return blank
            if block.isspace():
                blank += block.count(b"\n")
            else:
                self._wait_for(block)

    def give_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))

    def give_back_all(self) -> None:
        """As if nothing of this record were taken."""
        self.give_back(self.taken)
        self.taken.clear()
        self._taken_characters = 0

    def _wait_for(self, block: bytes) -> None:
        # Bytes that aren't UTF-8 become lone surrogates, which nothing sound decodes to: they mark the bad rows.
        texts = block.decode("utf-8", "surrogateescape").split("\n")
        self._waiting.extend([text + "\n" for text in texts[:-1]])
        if texts[-1]:
            self._waiting.append(texts[-1])


def _records(lines: _TextLines, line: int, style: Mapping[str, Any]) -> Iterator[tuple[int, str, list[str] | str]]:
    """Records of a CSV file from that line on: first line, text, and cells, or the reason why it has none.

    Of a record that can't be parsed only the first line is given up: a stray quote does not take the rest along.

    Raises:
        UnreadableFile: a cell is so long that what follows might be the rest of it, and not records.
    """
    parser = csv.reader(lines, **style)
    while True:
        line += lines.begin_record()
        cells: list[str] | str
        try:
            cells = next(parser)
            taken = lines.taken
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                raise UnreadableFile(
                    f"line {line}: a cell of more than {CELL_LIMIT_CHARACTERS >> 20} Mi characters, or a quote too many"
                ) from error
            cells = f"malformed line: {_IN_OTHER_WORDS.get(str(error)[:18], error)}"
            taken = lines.taken[:1]
            lines.give_back(lines.taken[1:])
        text = taken[0] if len(taken) == 1 else "".join(taken)
        first, line = line, line + len(taken)
        if len(text) > MAX_BYTES // 4 and len(text.encode("utf-8", "surrogateescape")) > MAX_BYTES:
            cells = f"malformed line: more than {MAX_BYTES // 1024} KiB"
        elif not text.isascii() and not _encodes(text):
            cells = "malformed line: not UTF-8"
        elif "\x00" in text:
            cells = f"malformed line: {_NUL}"
        yield first, text, cells


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_csv(file: LandingFile) -> Iterator[Batch]:
    """The rows of a file with a header and cells between separators.

    The separator, one of `,` `;` tab and `|`, is the one that makes most known columns of the header.

    Raises:
        UnreadableFile: a cell or a record is too long to tell where it ends.
    """
    # The limit is the process's, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT_CHARACTERS))
    lines = _TextLines(file)
    line, style = _style(lines, file)
    records = _records(lines, line, style)
    line, text, header = next(records, (1, "", None))
    if header is None:
        return
    if problem := _header_problem(header, file, style["delimiter"]):
        yield Batch([line], [text], {}, {0: f"header: {problem}; no row of this file is taken"})
        return
    names = [name.strip() for name in header]
    rows = min(ROWS_A_BATCH, CELLS_A_BATCH // max(len(names), 1))
    batch = _CsvBatch(names)
    for line, text, cells in records:
        batch.add(line, text, cells)
        if len(batch.lines) >= rows or batch.characters >= BLOCK_BYTES:
            yield batch.finished()
            batch = _CsvBatch(names)
    if batch.lines:
        yield batch.finished()


def _style(lines: _TextLines, file: LandingFile) -> tuple[int, dict[str, Any]]:
    """The line at which the header is, and how it is written; the lines are left as if nobody had looked."""
    line = 1 + lines.begin_record()
    separators = ("\t", *_SEPARATORS) if file.format.startswith(".tsv") else _SEPARATORS
    # Excel takes a first line `sep=;` for a word about the file.
    if (first := next(lines, None)) is not None and (said := _SEPARATOR_SAID.fullmatch(first)):
        separators = (said[1], *separators)
        line += 1 + lines.begin_record()
    else:
        lines.give_back_all()
    styles = []
    for separator in dict.fromkeys(separators):
        style = {"delimiter": separator, "strict": True}
        names = _header(lines, style)
        # Where each name but the first has a space before it, so have the cells, and before their quotes, too.
        later = [name for name in names[1:] if name]
        if later and all(name.startswith(" ") for name in later):
            style["skipinitialspace"] = True
            names = _header(lines, style)
        known = {known_name(file.kind, name) for name in names} - {None}
        styles.append((len(known), len(names), style))
    return line, max(styles, key=lambda found: found[:2])[2]


def _header(lines: _TextLines, style: Mapping[str, Any]) -> list[str]:
    try:
        return next(csv.reader(lines, **style), [])
    except csv.Error:
        return []
    finally:
        lines.give_back_all()


def _header_problem(header: list[str] | str, file: LandingFile, separator: str) -> str | None:
    if isinstance(header, str):
        return f"{header}; UTF-16 needs a byte order mark" if header.endswith(_NUL) else header
    if len(header) > MAX_COLUMNS:
        return f"{len(header):,} columns, at most {MAX_COLUMNS:,}"
    counts = Counter(name.strip() for name in header)
    twice = sorted(name for name, count in counts.items() if name and count > 1)
    if twice:
        return f"{twice[0]!r} is there twice"
    if problem := missing_columns_problem(file.kind, [*header, *file.partitions]):
        looks = f"the separator looks like {_NAMES.get(separator, separator)}, " if len(header) > 1 else ""
        return f"{problem}; {looks}{names_told(header)}"
    return None


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
            if not any(cells):
                if name:
                    columns[name] = Column.missing(len(cells))
                continue
            series = pl.Series(cells, dtype=pl.String)
            column = Column(series.set(series == "", None))
            if name:
                columns[name] = column
            else:
                nameless = column.text.is_not_null().arg_true().to_list()
                self._spoiled |= dict.fromkeys(nameless, "malformed line: a cell in a column without a name")
        return Batch(self.lines, self._texts, columns, self._spoiled)
