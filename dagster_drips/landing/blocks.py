"""A landing file's text, unpacked, in blocks that end behind a line; and how much of it there may be.

Packing, encodings, line ends and how far a file unpacks belong here; what the lines say belongs to the readers.
"""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from dagster_drips.landing.files import LandingFile, UnreadableFile

BLOCK_BYTES = 8 << 20
LINE_LIMIT_BYTES = 64 << 20
UNPACKED_BYTES = 256 << 20
"""What any file may unpack to, however small it is."""
UNPACKED_TIMES = 100
"""How many times its size a larger file may unpack to; rows with ids of their own pack ten to thirty times as small."""

# UTF-32's little-endian mark begins with UTF-16's.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a file begins with that is no text, whatever its name says.
_SIGNATURES = (
    (b"\x1f\x8b", "packed by gzip, which its name doesn't say"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"PAR1", "Parquet, which its name doesn't say"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd"),
    (b"BZh", "packed by bzip2"),
    (b"\xfd7zXZ", "packed by xz"),
)


class UnpackedSize:
    """Counts what a file unpacks to.

    Args:
        file: as it was listed.
    """

    def __init__(self, file: LandingFile):
        self._limit = max(UNPACKED_BYTES, UNPACKED_TIMES * file.size)
        self._size = 0

    def add(self, size: int) -> None:
        """Count so many bytes more.

        Raises:
            UnreadableFile: they are more than so small a file should hold.
        """
        self._size += size
        if self._size > self._limit:
            raise UnreadableFile(f"unpacks to more than {self._limit >> 20} MiB, which is too much for its size")


@dataclass(frozen=True)
class TextForm:
    """How a text file is written.

    Args:
        mark: the byte order mark it begins with, or nothing.
        codec: the encoding that the mark names; UTF-8 without one, and then bad bytes are left to the readers.
        line_end: a line feed (with or without a carriage return), or a carriage return alone.
    """

    mark: bytes
    codec: str
    line_end: str

    def encoded(self, block: bytes) -> bytes:
        """A block of `text_blocks` as the file has it, without the mark."""
        if self.codec == "utf-8" and self.line_end == "\n":
            return block
        return (
            block.replace(b"\n", self.line_end.encode())
            .decode("utf-8", "surrogateescape")
            .encode(self.codec, "surrogateescape" if self.codec == "utf-8" else "strict")
        )


@contextmanager
def unpacked(file: LandingFile) -> Generator[IO[bytes]]:
    """The file's bytes, unpacked where its name ends in `.gz`."""
    with file.opened() as stream:
        if not file.format.endswith(".gz"):
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as text:
            yield text  # ty: ignore[invalid-yield]


def text_form(file: LandingFile) -> TextForm:
    """How that text file is written, by its first block."""
    with unpacked(file) as stream:
        return form_of(stream.read(BLOCK_BYTES))


def text_blocks(file: LandingFile) -> Iterator[bytes]:
    """A text file as UTF-8 without a byte order mark, its lines ended by line feeds, cut behind line ends.

    Bytes of a file without a mark come as they are, UTF-8 or not.

    Raises:
        UnreadableFile: it is no text, a line is too long, or a packed file unpacks too far.
    """
    size = UnpackedSize(file)
    with unpacked(file) as stream:
        data = stream.read(BLOCK_BYTES)
        form = form_of(data)
        to_utf8 = _Utf8(form)
        begun: list[bytes] = []
        data = data.removeprefix(form.mark)
        while True:
            size.add(len(data))
            is_last = not data
            data = to_utf8.block(data)
            cut = data.rfind(b"\n") + 1
            if cut:
                yield b"".join((*begun, data[:cut]))
                begun = []
            begun.append(data[cut:])
            if sum(map(len, begun)) > LINE_LIMIT_BYTES:
                raise UnreadableFile(f"a line is longer than {LINE_LIMIT_BYTES >> 20} MiB")
            if is_last:
                break
            data = stream.read(BLOCK_BYTES)
        if rest := b"".join(begun):
            yield rest


def is_utf8(data: bytes) -> bool:
    """Whether these bytes are text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Utf8:
    """Turns the blocks of a file of some form into UTF-8 with line feeds."""

    def __init__(self, form: TextForm):
        self._form = form
        self._decoder = None if form.codec == "utf-8" else codecs.getincrementaldecoder(form.codec)()

    def block(self, data: bytes) -> bytes:
        if self._decoder is not None:
            try:
                data = self._decoder.decode(data, final=not data).encode()
            except UnicodeDecodeError as error:
                raise UnreadableFile(f"not {self._form.codec.upper()}, though its byte order mark says so") from error
        return data.replace(b"\r", b"\n") if self._form.line_end == "\r" else data


def form_of(start: bytes) -> TextForm:
    """How a text file that begins so is written.

    Raises:
        UnreadableFile: it is no text.
    """
    for signature, what in _SIGNATURES:
        if start.startswith(signature):
            raise UnreadableFile(f"no text: it is {what}")
    mark, codec = next(((mark, codec) for mark, codec in _BYTE_ORDER_MARKS if start.startswith(mark)), (b"", "utf-8"))
    text = start.removeprefix(mark) if codec == "utf-8" else start.decode(codec, "ignore").encode("utf-8", "ignore")
    return TextForm(mark, codec, "\r" if b"\r" in text and b"\n" not in text else "\n")
