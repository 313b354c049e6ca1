"""Which messages are too deep, wide, long or strange to be taken, said before they are.

The limits are those of `json_limits`, as the loader has them too; here belongs what holds for messages of Segment's
spec beside them: no control characters in names and ids, and no ids without end. Values may hold any text.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dagster_drips.json_limits import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_KEYS,
    MAX_NAME_CHARACTERS,
    json_problem,
    raw_json_problem,
)

MAX_ID_CHARACTERS = 1_000
"""Characters of an id, or of an event's name."""
_IDS = ("userId", "anonymousId", "previousId", "groupId", "messageId", "event", "type")
# C0, DEL and C1, and the two line separators that Unicode has beside them. JSON text has C0 as escapes only.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_REACH = MAX_NAME_CHARACTERS + 1
_CONTROL_BYTES = re.compile(rb"\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")


def may_have_problems(body: bytes) -> bool:
    """False for a body whose messages have no problem but perhaps their depth: cheap, and true of nearly all."""
    return len(body) > MAX_BYTES or _needs_a_look(body)


def may_be_too_deep(text: bytes) -> bool:
    """False for what has too few objects and lists to be too deep."""
    return text.count(b"{") + text.count(b"[") > MAX_DEPTH


def message_problem(text: bytes) -> str | None:
    """Why this message, as JSON text, can't be taken; None: it can, as far as limits go.

    Text that is no JSON has no problem here: it is found where it is taken apart.
    """
    problem = raw_json_problem(text)
    if problem is not None:
        return problem
    if not _needs_a_look(text):
        return None
    try:
        message = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return json_problem(message) or _strange_id(message) or _strange_name(message)


def _needs_a_look(text: bytes) -> bool:
    """False for what can have nothing but plain and short names, known without decoding."""
    if b"\\" in text or b"\x7f" in text:
        return True
    # The shortest member of an object, `"":1,`, has five bytes.
    if len(text) > 5 * MAX_KEYS and text.count(b":") > MAX_KEYS:
        return True
    if not text.isascii() and _CONTROL_BYTES.search(text):
        return True
    # From a quotation mark to the last one within reach: beside names and numbers that are not too long there is one.
    begin, end = 0, len(text) - _REACH
    while begin < end:
        begin = text.rfind(b'"', begin, begin + _REACH) + 1
        if begin == 0:
            return True
    return False


def _strange_id(message: Any) -> str | None:
    if not isinstance(message, dict):
        return None
    for name in _IDS:
        value = message.get(name)
        if not isinstance(value, str):
            continue
        if len(value) > MAX_ID_CHARACTERS:
            return f"{name} has more than {MAX_ID_CHARACTERS:,} characters"
        if _CONTROL.search(value):
            return f"{name} has a control character in it"
    return None


def _strange_name(message: Any) -> str | None:
    level = [message]
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                for name in item:
                    if _CONTROL.search(name):
                        return f"the name {name[:40]!r} has a control character in it"
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
    return None
