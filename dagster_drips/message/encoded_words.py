"""Encoded words (RFC 2047): text of a header that is not ASCII, or too long for a line.

Only the words and their folding; which texts need them is known in `mime`. They are the words that Python's
`email.header` makes of UTF-8, which weighs each character by encoding all of the line before it anew: 60 µs for a short
subject and 200 µs for one of two lines, a tenth of all that a message costs. Nor do they depend on what other libraries
in the process have told `email.charset`, as apprise does.
"""

from __future__ import annotations

import string
from binascii import b2a_base64
from functools import lru_cache

LONGEST_LINE = 75
"""Characters of a line, and of a word (RFC 2047 2)."""

_AROUND = len("=?utf-8?q?" + "?=")
_CONTINUED = "\r\n "
_PLAIN = frozenset((string.ascii_letters + string.digits + "-!*+/").encode())
_IN_Q = [chr(byte) if byte in _PLAIN else "_" if byte == ord(" ") else f"={byte:02X}" for byte in range(256)]


def encoded_words(text: str, before: int) -> str:
    """A text as encoded words, each on a line of its own.

    Args:
        text: without line breaks.
        before: characters in front of it on its first line.
    """
    in_q = _q(text)
    is_q = len(in_q) <= _size_in_base64(len(text.encode()))
    room = LONGEST_LINE - before - _AROUND
    if is_q and len(in_q) <= room:
        return f"=?utf-8?q?{in_q}?="
    weigh = _q_size if is_q else _utf8_size
    words: list[str] = []
    start, weight = 0, 0
    for place, character in enumerate(text):
        more = weigh(character)
        # What is in base64 comes in fours for three bytes.
        if weight + more > (room if is_q else room // 4 * 3):
            words.append(text[start:place])
            start, weight = place, 0
            room = LONGEST_LINE - 1 - _AROUND
        weight += more
    words.append(text[start:])
    return _CONTINUED.join([f"=?utf-8?q?{_q(word)}?=" if is_q else f"=?utf-8?b?{_base64(word)}?=" for word in words])


def _q(text: str) -> str:
    return "".join([_IN_Q[byte] for byte in text.encode()])


@lru_cache(maxsize=1_000)
def _q_size(character: str) -> int:
    return len(_q(character))


@lru_cache(maxsize=1_000)
def _utf8_size(character: str) -> int:
    return len(character.encode())


def _base64(text: str) -> str:
    return b2a_base64(text.encode(), newline=False).decode("ascii")


def _size_in_base64(size: int) -> int:
    return -(-size // 3) * 4
