"""Parquet files put together of row groups that stand in other Parquet files, whose bytes are copied as they are.

A Parquet file is row groups, and behind them a footer that says where each of them begins. So a file in which a few
rows have changed is the file before it, new row groups behind that, and another footer: what no footer names is dead
space. Nothing of the pages is read. Here belongs how such a file is laid out: of the footer's encoding (Thrift's
compact protocol) what Parquet uses of it. Which rows belong together is `publish_parts`'s matter; writing them is
DuckDB's.

Source: Apache Parquet format, parquet.thrift; Apache Thrift, "Thrift Compact protocol encoding".
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC = b"PAR1"
_TAIL = struct.Struct("<I4s")

# Types of the compact protocol.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
_LONG_LIST = 15

# Fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_NUM_ROWS, _ROW_GROUPS = 3, 4
_COLUMNS, _ROWS_OF_GROUP, _GROUP_AT, _ORDINAL = 1, 3, 5, 7
_CHUNK_AT, _CHUNK_METADATA, _OFFSET_INDEX_AT, _COLUMN_INDEX_AT = 2, 3, 4, 6
_PAGES_AT = (9, 10, 11, 14)
"""Data pages, index pages, dictionary, Bloom filter."""

Fields = list[tuple[int, int, Any]]
"""A Thrift struct: id, type and value of each field, in its order."""


class NotParquet(ValueError):
    """A file is no Parquet file, or one that is not understood."""


@dataclass(frozen=True)
class RowGroups:
    """Neighbouring row groups of a file, as its footer tells of them.

    Args:
        rows: of all of them together.
        count: how many there are.
        told: their descriptions in the footer, one after the other.
    """

    rows: int
    count: int
    told: bytes


@dataclass(frozen=True)
class Footer:
    """What a file says of itself.

    Args:
        begins_at: where it stands: behind all row groups.
        before: the encoded fields before the number of rows: version and schema.
        row_groups: all of them.
        after: the encoded fields behind them, and the end of the struct.
    """

    begins_at: int
    before: bytes
    row_groups: RowGroups
    after: bytes


def read_footer(file: Path) -> Footer:
    """The footer of a file.

    Raises:
        NotParquet: it has none.
        OSError: it can't be read.
    """
    begins_at = footer_begins_at(file)
    with file.open("rb") as stream:
        stream.seek(begins_at)
        return _footer(stream.read()[: -_TAIL.size], begins_at)


def footer_begins_at(file: Path) -> int:
    """Where the footer of a file stands; errors as of `read_footer`, which reads all of it."""
    with file.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END) - _TAIL.size
        if end < len(_MAGIC):
            raise NotParquet(f"{file.name} is too short")
        stream.seek(end)
        length, magic = _TAIL.unpack(stream.read(_TAIL.size))
        if magic != _MAGIC or length > end - len(_MAGIC):
            raise NotParquet(f"{file.name} has no footer")
        return int(end - length)


def _footer(data: bytes, begins_at: int) -> Footer:
    reader, last = _Reader(data), 0
    rows, before = 0, b""
    while True:
        began = reader.at
        field, kind = reader.field(last)
        if field == _NUM_ROWS:
            before, rows = data[:began], reader.value(kind)
        elif field == _ROW_GROUPS and kind == _LIST:
            element, count = reader.list_head()
            first = reader.at
            for _ in range(count):
                reader.value(element)
            return Footer(begins_at, before, RowGroups(rows, count, data[first : reader.at]), data[reader.at :])
        elif not kind:
            raise NotParquet("the footer names no row groups")
        else:
            reader.value(kind)
        last = field


def moved(row_groups: RowGroups, by: int) -> RowGroups:
    """Row groups as another file's footer tells of them, in which they stand so many bytes further on."""
    reader, told = _Reader(row_groups.told), bytearray()
    for _ in range(row_groups.count):
        _write(told, _STRUCT, [_moved_in_group(field, by) for field in reader.value(_STRUCT) if field[0] != _ORDINAL])
    return RowGroups(row_groups.rows, row_groups.count, bytes(told))


def _moved_in_group(field: tuple[int, int, Any], by: int) -> tuple[int, int, Any]:
    number, kind, value = field
    if number == _COLUMNS:
        element, chunks = value
        return number, kind, (element, [[_moved_in_chunk(one, by) for one in chunk] for chunk in chunks])
    return (number, kind, _further(value, by)) if number == _GROUP_AT else field


def _moved_in_chunk(field: tuple[int, int, Any], by: int) -> tuple[int, int, Any]:
    number, kind, value = field
    if number == _CHUNK_METADATA:
        return number, kind, [(one, type_, _further(at, by) if one in _PAGES_AT else at) for one, type_, at in value]
    return (number, kind, _further(value, by)) if number in (_CHUNK_AT, _OFFSET_INDEX_AT, _COLUMN_INDEX_AT) else field


def _further(at: int, by: int) -> int:
    # 0 is before the first byte of data: the writer says nothing of the place.
    return at + by if at > 0 else at


def copy_row_groups(source: Path, ends_at: int, target: BinaryIO, *, begins_at: int = len(_MAGIC)) -> int:
    """Append row groups of a file to another, which has its magic number; by how many bytes they move.

    Args:
        source: the file.
        ends_at: where they end; of all of them, where its footer begins.
        target: open for writing, at its end.
        begins_at: where they begin.
    """
    target.flush()
    by = target.tell() - begins_at
    with source.open("rb") as stream:
        left, at = ends_at - begins_at, begins_at
        while left:
            done = _copied(stream.fileno(), target.fileno(), min(left, 1 << 26), at)
            if not done:
                raise NotParquet(f"{source.name} is shorter than it was")
            left, at = left - done, at + done
    target.seek(0, os.SEEK_END)
    return by


def _copied(source: int, target: int, count: int, at: int) -> int:
    try:
        return os.copy_file_range(source, target, count, at)
    except (AttributeError, OSError):  # not on macOS; between some file systems it can't be done
        return os.write(target, os.pread(source, count, at))


def write_footer(target: BinaryIO, like: Footer, row_groups: Iterable[RowGroups]) -> list[int]:
    """End a file.

    Args:
        target: open for writing, behind all row groups.
        like: of a file with the same columns.
        row_groups: those of the new one.

    Returns:
        Where the description of each begins in the file.
    """
    groups = list(row_groups)
    head = bytearray(like.before)
    last = _last_field(like.before)
    _write_field(head, last, _NUM_ROWS, _I64, sum(one.rows for one in groups))
    _write_head(head, _NUM_ROWS, _ROW_GROUPS, _LIST)
    _write_list_head(head, _STRUCT, sum(one.count for one in groups))
    begins_at = target.tell()
    places, at = [], begins_at + len(head)
    for one in groups:
        places.append(at)
        at += len(one.told)
    target.write(head)
    for one in groups:
        target.write(one.told)
    target.write(like.after)
    target.write(_TAIL.pack(target.tell() - begins_at, _MAGIC))
    return places


def _last_field(data: bytes) -> int:
    reader, last = _Reader(data), 0
    while reader.at < len(data):
        last, kind = reader.field(last)
        reader.value(kind)
    return last


# Thrift's compact protocol -------------------------------------------------------------------------------------------


class _Reader:
    """Values one after another."""

    def __init__(self, data: bytes):
        self._data = data
        self.at = 0

    def field(self, last: int) -> tuple[int, int]:
        """Id and type of the next field; the type 0 is the struct's end."""
        head = self._byte()
        kind = head & 15
        if not kind:
            return last, 0
        return (last + (head >> 4) if head >> 4 else self._signed()), kind

    def list_head(self) -> tuple[int, int]:
        """Type of a list's elements, and how many there are."""
        head = self._byte()
        count = head >> 4
        return head & 15, self._unsigned() if count == _LONG_LIST else count

    def value(self, kind: int) -> Any:
        if kind in (_I16, _I32, _I64):
            return self._signed()
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BINARY:
            return self._bytes(self._unsigned())
        if kind == _STRUCT:
            return self._struct()
        if kind in (_LIST, _SET):
            element, count = self.list_head()
            if element in (_TRUE, _FALSE):
                return element, [self._byte() for _ in range(count)]
            return element, [self.value(element) for _ in range(count)]
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == _BYTE:
            return self._byte()
        raise NotParquet(f"a field of type {kind} in the footer")

    def _struct(self) -> Fields:
        fields: Fields = []
        last = 0
        while True:
            last, kind = self.field(last)
            if not kind:
                return fields
            fields.append((last, kind, self.value(kind)))

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise NotParquet("the footer ends too early")
        self.at += 1
        return self._data[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self._data):
            raise NotParquet("the footer ends too early")
        return self._data[self.at - count : self.at]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)


def _write(out: bytearray, kind: int, value: Any) -> None:
    if kind in (_I16, _I32, _I64):
        _write_unsigned(out, value << 1 if value >= 0 else ~(value << 1))
    elif kind == _BINARY:
        _write_unsigned(out, len(value))
        out += value
    elif kind == _STRUCT:
        last = 0
        for number, type_, of_field in value:
            _write_field(out, last, number, type_, of_field)
            last = number
        out.append(0)
    elif kind in (_LIST, _SET):
        element, values = value
        _write_list_head(out, element, len(values))
        for one in values:
            out.append(one) if element in (_TRUE, _FALSE) else _write(out, element, one)
    elif kind == _DOUBLE:
        out += value
    elif kind == _BYTE:
        out.append(value)


def _write_field(out: bytearray, last: int, number: int, kind: int, value: Any) -> None:
    _write_head(out, last, number, kind)
    if kind not in (_TRUE, _FALSE):  # which the type says
        _write(out, kind, value)


def _write_head(out: bytearray, last: int, number: int, kind: int) -> None:
    if 0 < number - last < 16:
        out.append((number - last) << 4 | kind)
    else:
        out.append(kind)
        _write(out, _I16, number)


def _write_list_head(out: bytearray, element: int, count: int) -> None:
    if count < _LONG_LIST:
        out.append(count << 4 | element)
    else:
        out.append(_LONG_LIST << 4 | element)
        _write_unsigned(out, count)


def _write_unsigned(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
