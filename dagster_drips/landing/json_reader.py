"""JSON to batches of rows: lines, or one document.

What makes a line or a member of a document a row, and how much a row and a batch may hold, belong here; what the values
must be is for the checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import chain, islice

import msgspec

from dagster_drips.json_limits import MAX_DEPTH, MAX_DIGITS, MAX_KEYS, json_problem, raw_json_problem
from dagster_drips.landing.batches import CELLS_A_BATCH, MAX_COLUMNS, Batch, column_from_json
from dagster_drips.landing.blocks import is_utf8, text_blocks
from dagster_drips.landing.files import LandingFile, UnreadableFile

DOCUMENT_BYTES = 128 << 20
"""A document is read at once."""
_MEMBERS_AT_ONCE = 5_000
_LIST_OF_OBJECTS = re.compile(rb"\s*\[\s*\{")
_EMPTY_LIST = re.compile(rb"\s*\[\s*\]\s*")
_SPACE = re.compile(r"\s*")
_STRUCTURE = re.compile(r'"(?:[^"\\\n]|\\.)*"|["{}\[\],]')
_CLOSES = {"}": "{", "]": "["}
_BRACE, _BRACKET = b"{["
_ROW = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_json(file: LandingFile) -> Iterator[Batch]:
    """The rows of a file of JSON lines, or of one that is a document: a list of objects, or objects over several lines.

    Rows of a document are numbered, as several may stand in one line; its size is limited.

    Raises:
        UnreadableFile: the document is too large, or is broken so that nobody can tell one row from the next.
    """
    blocks = text_blocks(file)
    start = _start_of(blocks)
    if is_document(start, file.format):
        members = _members(_whole(chain([start], blocks)))
        row = 1
        while texts := [member.encode("utf-8", "surrogateescape") for member in islice(members, _MEMBERS_AT_ONCE)]:
            yield from batches_of_json(texts, row, sound=False)
            row += len(texts)
        return
    line = 1
    for block in chain([start], blocks):
        if not block.isspace():
            yield from batches_of_json(block.split(b"\n"), line, sound=is_utf8(block))
        line += block.count(b"\n")


def document_without(file: LandingFile, gone: Container[int]) -> bytes | None:
    """The document without these rows, UTF-8, the others as they were written; None: the file is one of lines.

    Raises:
        UnreadableFile: as `read_json`.
    """
    blocks = text_blocks(file)
    start = _start_of(blocks)
    if not is_document(start, file.format):
        return None
    kept = [member for row, member in enumerate(_members(_whole(chain([start], blocks))), 1) if row not in gone]
    return ("[" + ",\n".join(kept) + "]\n").encode("utf-8", "surrogateescape")


def _start_of(blocks: Iterator[bytes]) -> bytes:
    """Enough of a file to tell what it is: its first line with text and some of the next one, or all of it."""
    start = b""
    # A last line that nothing ends is a block of its own.
    for block in blocks:
        start += block
        if b"\n" in start.strip():
            break
    return start


def is_document(start: bytes, format: str) -> bool:
    """Whether the file is a document and not lines: a list of objects, or an object that its first line doesn't end.

    Args:
        start: the file's first line with text and some of the next one, or all of the file.
        format: how its name ends.
    """
    line, _, rest = start.lstrip().partition(b"\n")
    is_json = format in (".json", ".json.gz")
    if _LIST_OF_OBJECTS.match(start):
        return is_json or not rest.strip() or _goes_on(line)
    return is_json and (_EMPTY_LIST.fullmatch(start) is not None or (line.startswith(b"{") and _goes_on(line)))


def _goes_on(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    except RecursionError:
        return False
    return False


def _whole(blocks: Iterable[bytes]) -> str:
    found: list[bytes] = []
    size = 0
    for block in blocks:
        found.append(block)
        size += len(block)
        if size > DOCUMENT_BYTES:
            raise UnreadableFile(f"one JSON document of more than {DOCUMENT_BYTES >> 20} MiB; land it as lines, .jsonl")
    return b"".join(found).decode("utf-8", "surrogateescape")


def _members(text: str) -> Iterator[str]:
    """The values of a list, or one after the other, as they were written."""
    # Only where a value ends is asked for: numbers stay texts, however long they are.
    scan = json.JSONDecoder(strict=False, parse_int=str, parse_float=str).raw_decode
    place = _after_space(text, 0)
    is_list = text.startswith("[", place)
    place += is_list
    is_first = True
    while True:
        place = _after_space(text, place)
        if (is_list and text.startswith("]", place)) or place == len(text):
            break
        if is_list and not is_first:
            if not text.startswith(",", place):
                raise _broken(text, place, "a comma is missing")
            place = _after_space(text, place + 1)
        try:
            _, end = scan(text, place)
        except (RecursionError, json.JSONDecodeError) as error:
            found = _end_of_broken(text, place) if is_list else None
            if found is None:
                is_deep = isinstance(error, RecursionError)
                what = f"more than {MAX_DEPTH} objects or lists inside one another" if is_deep else error.msg
                raise _broken(text, place if is_deep else error.pos, what) from None
            end = found
        yield text[place:end]
        place, is_first = end, False
    if is_list and text[place:].strip() != "]":
        raise _broken(text, place, "the list isn't closed, or something stands behind it")


def _end_of_broken(text: str, start: int) -> int | None:
    """Where a list's member ends that can't be read, so that it costs its own row alone; None where nobody can tell.

    That is where its brackets are closed, no string goes over a line, and the list ends or goes on with an object.
    """
    opened: list[str] = []
    for token in _STRUCTURE.finditer(text, start):
        sign = token[0]
        if sign in "{[":
            opened.append(sign)
        elif not opened and sign in ",]":
            behind = _after_space(text, token.end())
            return token.start() if text[behind : behind + 1] == ("{" if sign == "," else "") else None
        elif (sign in _CLOSES and (not opened or opened.pop() != _CLOSES[sign])) or sign == '"':
            return None  # a quotation mark by itself begins a string that its line doesn't end
    return None


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _broken(text: str, place: int, what: str) -> UnreadableFile:
    return UnreadableFile(f"line {text.count(chr(10), 0, place) + 1}: malformed JSON: {what}")


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
