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
    batch = _JsonBatch()
    for line, text in enumerate(texts, first_line):
        if not text or text.isspace():
            continue
        record: dict[str, msgspec.Raw] = {}
        problem = None
        try:
            # Most rows are seen to be within the limits by their length and brackets.
            if len(text) > MAX_DIGITS or text.count(b"{") + text.count(b"[") > MAX_DEPTH:
                problem = raw_json_problem(text)
            if problem is None:
                if sound or is_utf8(text):
                    record = _ROW.decode(text)
                    problem = _width_problem(text, record)
                else:
                    problem = "not UTF-8"
        except msgspec.ValidationError:
            problem = "not a JSON object"
        except (msgspec.DecodeError, RecursionError) as error:
            problem = str(error)
        if problem:
            record, problem = {}, f"malformed line: {problem}"
        if not batch.has_room_for(record):
            yield batch.finished()
            batch = _JsonBatch()
        batch.add(line, text, record, problem)
    if batch.lines:
        yield batch.finished()


def _width_problem(text: bytes, record: dict[str, msgspec.Raw]) -> str | None:
    """What is said of a row with more keys than it may have, its own or further in."""
    if len(record) > MAX_COLUMNS:
        return f"more than {MAX_COLUMNS:,} columns"
    if text.count(b":") <= MAX_KEYS:
        return None
    return json_problem([msgspec.json.decode(raw) for raw in record.values()])


class _JsonBatch:
    """Rows of JSON on their way into a `Batch`."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self._rows: list[bytes] = []
        self._records: list[dict[str, msgspec.Raw]] = []
        self._names: dict[str, None] = {}
        self._spoiled: dict[int, str] = {}

    def has_room_for(self, record: dict[str, msgspec.Raw]) -> bool:
        names, rows = len(self._names), len(self.lines)
        if not record.keys() <= self._names.keys():
            names += len(record.keys() - self._names.keys())
        return not rows or (rows + 1) * names <= CELLS_A_BATCH

    def add(self, line: int, text: bytes, record: dict[str, msgspec.Raw], problem: str | None) -> None:
        if problem:
            self._spoiled[len(self.lines)] = problem
        self._names.update(dict.fromkeys(record))
        self.lines.append(line)
        self._rows.append(text)
        self._records.append(record)

    def finished(self) -> Batch:
        batch = Batch(self.lines, self._rows, {}, self._spoiled)
        for name in self._names:
            tokens = [None if (raw := record.get(name)) is None else str(raw, "utf-8") for record in self._records]
            batch.columns[name], problems = column_from_json(tokens)
            batch.spoiled |= problems
        return batch
