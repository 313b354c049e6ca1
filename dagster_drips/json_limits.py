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
# A string is one token, its closing quote or not: so none of its characters is looked at twice.
_TOKEN = r'"(?:[^"\\]++|\\.)*+"?|[{\[]|[}\]]' + rf"|[0-9]{{{MAX_DIGITS + 1}}}"
_TEXT_TOKENS = re.compile(_TOKEN, re.DOTALL)
_BYTES_TOKENS = re.compile(_TOKEN.encode(), re.DOTALL)


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
    if len(text) > MAX_BYTES or (isinstance(text, str) and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES):
        return _TOO_LONG
    if isinstance(text, str):
        return _scan_problem(text, len(text), text.count("{") + text.count("["))
    return _scan_problem(text, len(text), text.count(b"{") + text.count(b"["))


def name_length_problem(name: str) -> str | None:
    """What is said of a key or column whose name is too long; None where it isn't."""
    if len(name) <= MAX_NAME_CHARACTERS:
        return None
    return f"a name of more than {MAX_NAME_CHARACTERS} characters, {name[:20]!r}…"


def _scan_problem(text: bytes | str, length: int, opened: int) -> str | None:
    # Nearly every row is seen to be harmless by its length and number of brackets.
    if length <= MAX_DIGITS and opened <= MAX_DEPTH:
        return None
    depth = 0
    tokens = _TEXT_TOKENS.finditer(text) if isinstance(text, str) else _BYTES_TOKENS.finditer(text)
    for token in tokens:
        first = text[token.start()]
        sign = first if isinstance(first, str) else chr(first)
        if sign in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return _TOO_DEEP
        elif sign in "}]":
            depth -= 1
        elif sign != '"':
            return _TOO_MANY_DIGITS
    return None
