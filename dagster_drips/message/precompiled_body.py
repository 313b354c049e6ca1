"""What the messages of a step have in common, prepared once: text with slots, encoded around the slots.

A document here is text in which some stretches are slots, written as a number between two characters that no mail
may contain. Here belong documents, filling their slots and encoding what comes of it. Which stretches of a rendering
become slots is settled in `shapes`, what happens to HTML before it is cut in `html_document`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from dagster_drips.message.encoding import base64_lines, canonical_lines, is_mostly_ascii, quoted_printable

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Unicode noncharacters: never part of a text that travels."""
SLOT = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_NONCHARACTERS = dict.fromkeys(map(ord, (OPEN, CLOSE)))


def slot(number: int) -> str:
    """How a slot is written in a document."""
    return f"{OPEN}{number}{CLOSE}"


def without_marks(text: str) -> str:
    """A text that can't be taken for a slot."""
    return text.translate(_NONCHARACTERS) if OPEN in text or CLOSE in text else text


def filled(document: str, values: Sequence[str]) -> str:
    """A document with its slots filled."""
    return SLOT.sub(lambda found: values[int(found[1])], document)


@dataclass(frozen=True)
class Text:
    """A finished text of a message, and how it travels."""

    skeleton: Skeleton
    values: Sequence[str]

    def __str__(self) -> str:
        return filled(self.skeleton.document, self.values)

    def encoded(self) -> bytes:
        """As the body of a MIME part, with CRLF line ends, in `skeleton.encoding`."""
        return self.skeleton.encoded(self.values)


class Skeleton:
    """A document, ready to be filled many times.

    Args:
        document: text with slots; its line ends may be of any kind.
    """

    def __init__(self, document: str):
        self.document = document

    @cached_property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding: the shorter one for the part that is known."""
        return "quoted-printable" if is_mostly_ascii(SLOT.sub("", self.document)) else "base64"

    def encoded(self, values: Sequence[str]) -> bytes:
        """The filled document as `encoding` says, ending with a line end."""
        if self.encoding == "base64":
            return base64_lines(_closed(canonical_lines(filled(self.document, values))).encode())
        stretches, numbers = self._stretches
        pieces = stretches.copy()
        known: dict[int, bytes] = {}
        for place, number in numbers:
            piece = known.get(number)
            if piece is None:
                piece = known[number] = quoted_printable(values[number])
            pieces[place] = piece
        return b"".join(pieces)

    @cached_property
    def _stretches(self) -> tuple[list[bytes], list[tuple[int, int]]]:
        """Encoded stretches with holes, and each hole's (place, slot)."""
        parts = SLOT.split(_closed(self.document.rstrip("\r\n")))
        stretches = [b"" if place % 2 else quoted_printable(part) for place, part in enumerate(parts)]
        return stretches, [(place, int(parts[place])) for place in range(1, len(parts), 2)]


def plain(text: str) -> Text:
    """A text without slots."""
    return Text(Skeleton(without_marks(text)), ())


def mapped(document: str, change: Callable[[str], str]) -> str:
    """A document with what stands between its slots changed."""
    parts = SLOT.split(document)
    return "".join(slot(int(part)) if place % 2 else change(part) for place, part in enumerate(parts))


def _closed(text: str) -> str:
    return text.rstrip("\r\n") + "\r\n"
