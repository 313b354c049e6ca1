"""How deep, long and wide JSON from outside may be, and what is said of JSON that is beyond that.

For every door: the landing loader, the collector, webhooks. Only limits belong here, nothing of what the values mean,
and nothing that is slow to import.
"""

from __future__ import annotations

import re

MAX_DEPTH = 32
"""Objects and lists inside one another; `{"a": [1]}` is 2 deep."""
MAX_DIGITS = 400
"""Digits in a row in one number. Python refuses to read 4,300 and more, and takes quadratic time up to there."""
MAX_KEYS = 2_000
"""Keys of all objects in one value together."""
MAX_BYTES = 256 * 1024
"""Bytes of UTF-8 of one row, or of one value that stands for a row."""
MAX_NAME_CHARACTERS = 200
"""Characters of a key, or of a column's name."""

_TOO_DEEP = f"more than {MAX_DEPTH} objects or lists inside one another"
_TOO_MANY_DIGITS = f"a number of more than {MAX_DIGITS} digits"
_TOO_MANY_KEYS = f"more than {MAX_KEYS:,} keys"
_TOO_LONG = f"more than {MAX_BYTES // 1024} KiB"
_BEYOND_DIGITS = 10**MAX_DIGITS
_BRACKETS = b"{}[]"
_TO_PARENTHESES = bytes.maketrans(_BRACKETS, b"()()")
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in _BRACKETS and byte != ord('"'))
_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * (MAX_DIGITS + 1)
_STRING_OR_LONG_NUMBER = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|' + rb"[0-9]{%d}" % (MAX_DIGITS + 1), re.DOTALL)


def json_problem(value: object) -> str | None:
    """What about a decoded JSON value is beyond a limit, in words such as `more than 2,000 keys`; None: nothing.

    Looks at depth, digits, the number of keys and their lengths, without recursion. The size of a value that is decoded
    already says little: `raw_json_problem` looks at it before.
    """
    level: list[object] = [value]
    depth = keys = 0
    while level:
        below: list[object] = []
        found_containers = False
        for item in level:
            if isinstance(item, dict):
                found_containers = True
                keys += len(item)
                if keys > MAX_KEYS:
                    return _TOO_MANY_KEYS
                for key in item:
                    if problem := name_length_problem(str(key)):
                        return problem
                below.extend(item.values())
            elif isinstance(item, (list, tuple)):
                found_containers = True
                below.extend(item)
            elif isinstance(item, int) and not -_BEYOND_DIGITS < item < _BEYOND_DIGITS:
                return _TOO_MANY_DIGITS
        depth += found_containers
        if depth > MAX_DEPTH:
            return _TOO_DEEP
        level = below
    return None


def raw_json_problem(text: bytes | str) -> str | None:
    """What about JSON text is beyond a limit, to be asked before it is decoded; None: nothing.

    Decoding itself fails on what is too deep (RecursionError) or has too many digits (ValueError). Looks at size, depth
    and digits in one scan, in time linear in the text, whatever it is; whether it is JSON is not looked at.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        return _TOO_LONG
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _is_too_deep(data):
        return _TOO_DEEP
    if len(data) > MAX_DIGITS and _LONG_NUMBER in data.translate(_TO_ZEROS) and _has_long_number(data):
        return _TOO_MANY_DIGITS
    return None


def name_length_problem(name: str) -> str | None:
    """What is said of a key or column whose name is too long; None where it isn't."""
    if len(name) <= MAX_NAME_CHARACTERS:
        return None
    return f"a name of more than {MAX_NAME_CHARACTERS} characters, {name[:20]!r}…"


def _is_too_deep(data: bytes) -> bool:
    # What is left of the text are the brackets outside of its strings, as parentheses.
    unescaped = data.replace(rb"\\", b"").replace(rb"\"", b"")
    brackets = b"".join(unescaped.translate(None, _ALL_BUT_BRACKETS).split(b'"')[::2]).translate(_TO_PARENTHESES)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"()", b"")  # the innermost level
    # Sound JSON is all gone if it isn't too deep. What was never closed may be too deep for a decoder all the same.
    return b"()" in brackets or brackets.count(b"(") > MAX_DEPTH


def _has_long_number(data: bytes) -> bool:
    return any(data[token.start()] != ord('"') for token in _STRING_OR_LONG_NUMBER.finditer(data))
