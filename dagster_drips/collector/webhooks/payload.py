"""Taking providers' JSON apart: nothing in it is sure to be of the type that is documented.

Only what every provider needs. Which member means what stands in the providers' files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from dagster_drips.clock import parse_instant
from dagster_drips.collector.webhooks.provider import Unreadable
from dagster_drips.errors import DripsError

_OUR_ID = re.compile(r"<?([0-9a-f]{32})(?:@[^<>@\s]+>?)?", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,20}(\.[0-9]+)?")
_FIRST_MILLISECONDS = 100_000_000_000  # as seconds that is the year 5138


def at(value: Any, *path: str) -> Any:
    """The member at a path through objects; None where there is none."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text(value: Any, *path: str) -> str | None:
    """A text or number at a path, as text without white space around it; None where it is empty or anything else."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    return str(found).strip() or None


def object_of(value: Any) -> dict[str, Any]:
    """A JSON object.

    Raises:
        Unreadable: it is something else.
    """
    if not isinstance(value, dict):
        raise Unreadable("not an object")
    return value


def objects_of(value: Any) -> list[dict[str, Any]]:
    """The objects of an array, or the one object that stands for an array of one.

    Raises:
        Unreadable: it is something else, or has something else in it.
    """
    return [object_of(one) for one in (value if isinstance(value, list) else [value])]


def listed(value: Any, *path: str) -> list[Any]:
    """The items of an array at a path; none where there is no array."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def decoded(value: Any) -> Any:
    """JSON within a JSON text; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None


def instant(value: Any) -> datetime | None:
    """A time as naive UTC: seconds or milliseconds since 1970, also as text, or ISO 8601."""
    written = text(value)
    if written is None:
        return None
    if not _DIGITS.fullmatch(written):
        try:
            return parse_instant(written)
        except DripsError:
            return None
    seconds = float(written)
    if seconds >= _FIRST_MILLISECONDS:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return None


def our_message_id(candidates: Iterable[Any]) -> str | None:
    """Our message id in the first candidate that holds one: bare, or as a Message-ID (`<id@domain>`)."""
    for candidate in candidates:
        match = _OUR_ID.fullmatch(candidate.strip()) if isinstance(candidate, str) else None
        if match:
            return match[1].lower()
    return None


def header_values(headers: Any, *names: str) -> list[Any]:
    """Values of headers that a provider lists as `{"name": …, "value": …}`, in the order of `names`."""
    found: dict[str, Any] = {}
    for header in headers if isinstance(headers, list) else []:
        name = text(header, "name")
        if name:
            found.setdefault(name.lower(), at(header, "value"))
    return [found.get(name.lower()) for name in names]


def fingerprint(event: Any) -> str:
    """An id for an event that has none: the same for the same content, whatever the order of its members."""
    return hashlib.sha256(msgspec.json.encode(event, order="deterministic")).hexdigest()[:32]


def described(*parts: str | None) -> str | None:
    """The provider's reason and code in one line; a part that another one repeats is left out."""
    given = [" ".join(part.split()) for part in parts if part and part.strip()]
    kept = [
        part
        for place, part in enumerate(given)
        if not any(part in other and (part != other or place > elsewhere) for elsewhere, other in enumerate(given))
    ]
    return " ".join(kept) or None
