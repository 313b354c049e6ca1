"""Encoded words (RFC 2047): text of a header that is not ASCII, or too long for a line.

Only the words and their folding; which texts need them is known in `mime`. They are the words that Python's
`email.header` makes of UTF-8, which weighs each character by encoding all of the line before it anew: 60 µs for a short
subject and 200 µs for one of two lines, a tenth of all that a message costs.
"""

from __future__ import annotations

import string
from binascii import b2a_base64
from collections.abc import Callable

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
    data = text.encode()
    in_q = _q(data)
    is_q = len(in_q) <= _size_in_base64(len(data))
    room = LONGEST_LINE - before - _AROUND
    if is_q and len(in_q) <= room:
        return f"=?utf-8?q?{in_q}?="
    weigh: Callable[[bytes], int] = _q_size if is_q else len
    lines = []
    word, weight = bytearray(), 0
    for character in text:
        encoded = character.encode()
        more = weigh(encoded)
        # What is in base64 comes in fours for three bytes.
        if weight + more > (room if is_q else room // 4 * 3):
            lines.append(bytes(word))
            word, weight = bytearray(), 0
            room = LONGEST_LINE - 1 - _AROUND
        word += encoded
        weight += more
    lines.append(bytes(word))
    return _CONTINUED.join([f"=?utf-8?q?{_q(line)}?=" if is_q else f"=?utf-8?b?{_base64(line)}?=" for line in lines])


def _q(data: bytes) -> str:
    return "".join([_IN_Q[byte] for byte in data])


def _q_size(data: bytes) -> int:
    return len(_q(data))


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")


def _size_in_base64(size: int) -> int:
    return -(-size // 3) * 4
