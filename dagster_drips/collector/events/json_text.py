"""JSON that keeps its spelling on the way into a row: `1.50` stays `1.50`, as rule E1 compares numbers as written.

Values are `msgspec.Raw`: checked, not taken apart. Here belong reading one level of them and writing them on one line;
what they mean belongs to the callers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Raw

# From here on a number is milliseconds since 1970 and not seconds (as seconds: the year 5138).
_MILLISECONDS = 100_000_000_000
_EPOCH = datetime(1970, 1, 1)
# Fewer digits are a date to ISO 8601: 20260131.
_NUMBER = re.compile(r"-?\d{9,18}(\.\d+)?", re.ASCII)

_decode_any = msgspec.json.decode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.encode


class BadJson(ValueError):
    """A body that is no JSON in UTF-8; the text says why."""


def checked(body: bytes) -> Raw:
    """A whole body as JSON text.

    Raises:
        BadJson: it isn't.
    """
    try:
        # Parts are kept as they were written, so their letters are checked here.
        body.decode()
        return msgspec.json.decode(body, type=Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson(f"the body is not JSON: {error}") from None


def first_byte(value: Raw) -> bytes:
    """What kind of value it is: `{`, `[`, `"`, `t`, `f`, `n`, or the start of a number."""
    return bytes(value)[:1]


def members(value: Raw | bytes) -> dict[str, Raw]:
    """An object's members; of two with one name the last. Anything else has none."""
    try:
        return _decode_object(value)
    except msgspec.ValidationError:
        return {}


def items(value: Raw | bytes) -> list[Raw]:
    """A list's items. Anything else has none."""
    try:
        return _decode_list(value)
    except msgspec.ValidationError:
        return []


def scalar(value: Raw | None) -> str | None:
    """A text bare, a number, `true` or `false` as written (E1); None for null, lists and objects."""
    if value is None:
        return None
    text = bytes(value)
    if text[:1] == b'"':
        return str(_decode_any(text))
    return None if text[:1] in b"{[n" else text.decode("ascii")


def one_line(value: Raw) -> Raw:
    """The same value without line breaks, which a line of a landing file can't have (in JSON they are white space)."""
    text = bytes(value)
    if b"\n" in text or b"\r" in text:
        return Raw(text.replace(b"\n", b" ").replace(b"\r", b" "))
    return value


def as_object(values: Mapping[str, Raw]) -> Raw:
    """An object of these members."""
    return one_line(Raw(_encode(values)))


def encoded(row: Mapping[str, Any]) -> Raw:
    """A row as JSON text: a tenth of the memory that its parts take."""
    return Raw(_encode(row))


def quoted(text: str) -> Raw:
    """A text as JSON."""
    return Raw(_encode(text))


def instant(text: str | None) -> datetime | None:
    """A time as naive UTC: ISO 8601 (without an offset UTC), or a number of seconds or milliseconds since 1970.

    None where it is neither, or beyond the years 1 to 9999.
    """
    if not text:
        return None
    try:
        if _NUMBER.fullmatch(text):
            number = float(text)
            return _EPOCH + timedelta(seconds=number / 1000 if abs(number) >= _MILLISECONDS else number)
        value = datetime.fromisoformat(text.strip())
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except (ValueError, OverflowError):
        return None
