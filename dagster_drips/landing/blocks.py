"""A landing file's bytes, unpacked, in blocks that end behind a line; and how much of it there may be.

Blocks, lines and how far a file unpacks belong here; what the lines say belongs to the readers.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from dagster_drips.landing.files import UnreadableFile

BLOCK_BYTES = 8 << 20
LINE_LIMIT_BYTES = 64 << 20
UNPACKED_BYTES = 256 << 20
"""What any file may unpack to, however small it is."""
UNPACKED_TIMES = 100
"""How many times its size a larger file may unpack to; rows with ids of their own pack ten to thirty times as small."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnpackedSize:
    """Counts what a file unpacks to.

    Args:
        path: the file as it lies on disk.
    """

    def __init__(self, path: Path):
        self._limit = max(UNPACKED_BYTES, UNPACKED_TIMES * path.stat().st_size)
        self._size = 0

    def add(self, size: int) -> None:
        """Count so many bytes more.

        Raises:
            UnreadableFile: they are more than so small a file should hold.
        """
        self._size += size
        if self._size > self._limit:
            raise UnreadableFile(f"unpacks to more than {self._limit >> 20} MiB, which is too much for its size")


def text_blocks(path: Path) -> Iterator[bytes]:
    """A text file's bytes without a byte order mark, cut behind line ends.

    Raises:
        UnreadableFile: a line is too long, or a packed file unpacks too far.
    """
    unpacked = UnpackedSize(path)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        begun: list[bytes] = []
        at_start = True
        while data := stream.read(BLOCK_BYTES):
            unpacked.add(len(data))
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


def is_utf8(data: bytes) -> bool:
    """Whether these bytes are text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
