"""What the messages of a step have in common, prepared once: text with placeholders, encoded around them.

A document here is text in which some stretches are placeholders, written as a number between two characters that no
mail may contain. Here belong documents, filling their placeholders and encoding the result. Which stretches of a
rendering become placeholders is decided in `templating.render_cache`, what happens to HTML before that in
`templating.html_document`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from dagster_drips.message.encoding import base64_lines, canonical_lines, is_mostly_ascii, quoted_printable

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Unicode noncharacters: never part of a text that travels."""
PLACEHOLDER = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_NONCHARACTERS = dict.fromkeys(map(ord, (OPEN, CLOSE)))


def placeholder(number: int) -> str:
    """How a placeholder is written in a document."""
    return f"{OPEN}{number}{CLOSE}"


def without_marks(text: str) -> str:
    """A text that can't be taken for a placeholder."""
    return text.translate(_NONCHARACTERS) if OPEN in text or CLOSE in text else text


def filled(document: str, values: Sequence[str]) -> str:
    """A document with its placeholders filled."""
    return PLACEHOLDER.sub(lambda found: values[int(found[1])], document)


@dataclass(frozen=True)
class Text:
    """A finished text of a message, and how it travels."""

    body: PrecompiledBody
    values: Sequence[str]

    def __str__(self) -> str:
        return filled(self.body.document, self.values)

    def encoded(self) -> bytes:
        """As the body of a MIME part, with CRLF line ends, in `body.encoding`."""
        return self.body.encoded(self.values)


class PrecompiledBody:
    """A document, ready to be filled many times.

    Args:
        document: text with placeholders; its line ends may be of any kind.
    """

    def __init__(self, document: str):
        self.document = document

    @cached_property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding: the shorter one for the part that is known."""
        return "quoted-printable" if is_mostly_ascii(PLACEHOLDER.sub("", self.document)) else "base64"

    def encoded(self, values: Sequence[str]) -> bytes:
        """The filled document as `encoding` says, ending with a line end."""
        if self.encoding == "base64":
            return base64_lines(_closed(canonical_lines(filled(self.document, values))).encode())
        stretches, numbers = self._stretches
        pieces = stretches.copy()
        # By value: most of a message's many values are the same few texts.
        known: dict[str, bytes] = {}
        for place, number in numbers:
            value = values[number]
            piece = known.get(value)
            if piece is None:
                piece = known[value] = quoted_printable(value)
            pieces[place] = piece
        return b"".join(pieces)

    @cached_property
    def _stretches(self) -> tuple[list[bytes], list[tuple[int, int]]]:
        """Encoded stretches with holes, and each hole's (place, placeholder)."""
        parts = PLACEHOLDER.split(_closed(self.document.rstrip("\r\n")))
        stretches = [b"" if place % 2 else quoted_printable(part) for place, part in enumerate(parts)]
        return stretches, [(place, int(parts[place])) for place in range(1, len(parts), 2)]


def plain(text: str) -> Text:
    """A text without placeholders."""
    return Text(PrecompiledBody(without_marks(text)), ())


def mapped(document: str, change: Callable[[str], str]) -> str:
    """A document with what stands between its placeholders changed."""
    parts = PLACEHOLDER.split(document)
    return "".join(placeholder(int(part)) if place % 2 else change(part) for place, part in enumerate(parts))


def _closed(text: str) -> str:
    return text.rstrip("\r\n") + "\r\n"
