"""A mail server's words as text that people can be shown: in logs, on a terminal, in a table.

The one place where a reply becomes text. What the text means is decided in `outcomes` and `refusals`.
"""

from __future__ import annotations

import unicodedata

LONGEST_TEXT = 500
"""Characters that are kept of a reply."""

# Controls, marks that turn the direction of writing, line ends of Unicode, halves of characters, what is no character.
_UNSHOWN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def shown(words: bytes | str, limit: int = LONGEST_TEXT) -> str:
    """The words on one line, no longer than `limit`; what a terminal would obey or not show is escaped (`\\x1b`)."""
    # More than enough for `limit` characters, and no more work than that for a reply of any length.
    start = words[: 16 * limit]
    text = start.decode("utf-8", "backslashreplace") if isinstance(start, bytes) else start
    text = " ".join(text.split())[:limit]
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(letter) if unicodedata.category(letter) in _UNSHOWN else letter for letter in text)[:limit]


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
