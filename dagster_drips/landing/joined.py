"""Many small files of JSON lines read as if they were one: a file by itself costs as much as ten thousand rows.

Which files can be read so, and which row is whose, belong here. The rows are those that each file gives by itself.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dagster_drips.landing.batches import Batch
from dagster_drips.landing.blocks import TextForm, form_of, is_utf8
from dagster_drips.landing.columns import with_known_names
from dagster_drips.landing.files import LandingFile, UnreadableFile
from dagster_drips.landing.json_reader import batches_of_json, is_document

SMALL_BYTES = 64 << 10
FILES_AT_ONCE = 1_000
BYTES_AT_ONCE = 4 << 20

_FORMATS = (".jsonl", ".ndjson")
_PLAIN = TextForm(b"", "utf-8", "\n")


@dataclass(frozen=True)
class JoinedBatch:
    """Some rows of some files.

    Args:
        batch: its lines are those in the files.
        owners: of each row, which of the files it is from.
    """

    batch: Batch
    owners: Sequence[int]


@dataclass(frozen=True)
class Content:
    """A landing file and what its bytes are.

    Args:
        file: as it was listed.
        sha256: of its bytes.
        lines: these, where the file can be joined with others: it is small, and its lines are plain ones of which none
            says anything of the others; else None.
    """

    file: LandingFile
    sha256: str
    lines: bytes | None = None

    @classmethod
    def of(cls, file: LandingFile) -> Content:
        """Reads a file's bytes.

        Raises:
            UnreadableFile: it can't be read, or must not be.
        """
        # Folders may tell columns of their own.
        if file.format not in _FORMATS or file.size > SMALL_BYTES or file.leads_out or file.partitions:
            return cls(file, file.sha256())
        try:
            with file.opened() as stream:
                data = stream.read()
        except OSError as error:
            raise UnreadableFile(error.strerror or str(error)) from error
        is_plain = len(data) <= SMALL_BYTES and _is_plain(file, data)
        return cls(file, hashlib.sha256(data).hexdigest(), data if is_plain else None)

    @property
    def key(self) -> tuple[str, str]:
        """What makes two files the same: the bytes, read in the same way."""
        return self.sha256, self.file.format


def in_groups(contents: Iterable[Content]) -> Iterator[list[Content]]:
    """Files that follow one another and can be joined, no two of them the same; others by themselves."""
    group: list[Content] = []
    keys: set[tuple[str, str]] = set()
    size = 0
    for content in contents:
        is_full = len(group) >= FILES_AT_ONCE or size >= BYTES_AT_ONCE
        if group and (content.lines is None or content.key in keys or is_full):
            yield group
            group, keys, size = [], set(), 0
        if content.lines is None:
            yield [content]
            continue
        group.append(content)
        keys.add(content.key)
        size += len(content.lines)
    if group:
        yield group


def _is_plain(file: LandingFile, data: bytes) -> bool:
    try:
        return form_of(data) == _PLAIN and not is_document(data, file.format)
    except UnreadableFile:
        return False


def joined_batches(kind: str, contents: Sequence[bytes]) -> Iterator[JoinedBatch]:
    """The rows of files of one kind, in their order.

    Args:
        kind: of the folder.
        contents: the lines of each.
    """
    texts: list[bytes] = []
    starts: list[int] = []
    for content in contents:
        starts.append(len(texts))
        texts += content.removesuffix(b"\n").split(b"\n")
    for batch in batches_of_json(texts, 0, sound=all(map(is_utf8, contents))):
        owners = [bisect_right(starts, line) - 1 for line in batch.lines]
        batch.lines = [line - starts[owner] + 1 for line, owner in zip(batch.lines, owners, strict=True)]
        yield JoinedBatch(with_known_names(batch, kind), owners)
