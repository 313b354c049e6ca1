"""JSON lines to batches of rows.

What makes a line a row, and how much a row and a batch may hold, belong here; what the values must be is for the
checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dagster_drips.json_limits import MAX_DEPTH, MAX_DIGITS, MAX_KEYS, json_problem, raw_json_problem
from dagster_drips.landing.batches import CELLS_A_BATCH, MAX_COLUMNS, Batch, column_from_json
from dagster_drips.landing.blocks import is_utf8, text_blocks

_BRACE, _BRACKET = b"{["
_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_json_lines(path: Path) -> Iterator[Batch]:
    """The rows of a file of JSON lines."""
    line = 1
    for block in text_blocks(path):
        if not block.isspace():
            yield from batches_of_json(block.split(b"\n"), line, sound=is_utf8(block))
        line += block.count(b"\n")


def batches_of_json(texts: Sequence[bytes], first_line: int, *, sound: bool) -> Iterator[Batch]:
    """One row a text that isn't blank; `sound` when all of it is known to be UTF-8.

    Rows that have many keys of their own make small batches: a batch has a cell for each of its rows and keys.
    """
    decode = _ROW.decode
    batch = _JsonBatch()
    lines, rows, records, names = batch.lines, batch.rows, batch.records, batch.names.keys()
    for line, text in enumerate(texts, first_line):
        if not text or text.isspace():
            continue
        problem = None
        try:
            # Most rows are seen to be within all limits by length and brackets; bytes are sought fastest as numbers.
            opened = text.count(_BRACE) + (text.count(_BRACKET) if _BRACKET in text else 0)
            if sound and len(text) <= MAX_DIGITS and opened <= MAX_DEPTH:
                record = decode(text)
            else:
                record, problem = _decoded_within_limits(text, sound=sound)
        except msgspec.ValidationError:
            record = {}
            problem = "not a JSON object"
        except (msgspec.DecodeError, RecursionError) as error:
            record, problem = {}, str(error)
        is_usual = record.keys() <= names and len(lines) < batch.capacity
        if not is_usual and not batch.makes_room_for(record):
            yield batch.finished()
            batch = _JsonBatch()
            batch.makes_room_for(record)
            lines, rows, records, names = batch.lines, batch.rows, batch.records, batch.names.keys()
        if problem:
            batch.spoiled[len(lines)] = f"malformed line: {problem}"
        lines.append(line)
        rows.append(text)
        records.append(record)
    if lines:
        yield batch.finished()


def _decoded_within_limits(text: bytes, *, sound: bool) -> tuple[dict[str, msgspec.Raw], str | None]:
    """The row, or an empty one and what is said of it."""
    if not sound and not is_utf8(text):
        return {}, "not UTF-8"
    if problem := raw_json_problem(text):
        return {}, problem
    record = _ROW.decode(text)
    if len(record) > MAX_COLUMNS:
        return {}, f"more than {MAX_COLUMNS:,} columns"
    # A key has a colon: without so many there is nothing to count.
    if text.count(b":") > MAX_KEYS and (problem := json_problem([msgspec.json.decode(raw) for raw in record.values()])):
        return {}, problem
    return record, None


class _JsonBatch:
    """Rows of JSON on their way into a `Batch`."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.rows: list[bytes] = []
        self.records: list[dict[str, msgspec.Raw]] = []
        self.names: dict[str, None] = {}
        self.spoiled: dict[int, str] = {}
        self.capacity = CELLS_A_BATCH
        """How many rows there may be with these names."""

    def makes_room_for(self, record: dict[str, msgspec.Raw]) -> bool:
        """Take in the record's names, unless there would be too many cells."""
        new = [name for name in record if name not in self.names]
        capacity = CELLS_A_BATCH // max(len(self.names) + len(new), 1)
        if self.lines and len(self.lines) >= capacity:
            return False
        self.names.update(dict.fromkeys(new))
        self.capacity = capacity
        return True

    def finished(self) -> Batch:
        batch = Batch(self.lines, self.rows, {}, self.spoiled)
        for name in self.names:
            tokens = [None if (raw := record.get(name)) is None else str(raw, "utf-8") for record in self.records]
            batch.columns[name], problems = column_from_json(tokens)
            batch.spoiled |= problems
        return batch
