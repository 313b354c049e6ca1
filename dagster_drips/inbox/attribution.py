"""Which of our messages a mail is about.

A message's id travels in the envelope's sender (VERP, `bounces+<message_id>@…`), in `X-Drips-Message-Id`, in the
Message-ID `<message_id@domain>`, and in what others make of these. Whether there is such a message is for SQL to know:
it joins facts to messages, and a fact about none counts for nothing.
"""

from __future__ import annotations

import re
from email.message import Message

from dagster_drips.inbox.mime import enclosed, fields_of, headers, own_parts, text_of

_ID = r"([0-9a-f]{32})"
_VERP = re.compile(rf"\+{_ID}@", re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<{_ID}@[^<>\s]+>", re.IGNORECASE)
_OURS = re.compile(rf"^[>| \t]*X-Drips-Message-Id:\s*{_ID}\b", re.IGNORECASE | re.MULTILINE)
_THEIRS = re.compile(rf"^[>| \t]*(?:X-)?(?:Original-)?Message-ID:\s*<{_ID}@", re.IGNORECASE | re.MULTILINE)
# Where mail servers note whom a mail came for; `for` in Received is the envelope's recipient (RFC 5321 4.4).
_RECIPIENT_HEADERS = (
    *("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "X-Forwarded-To"),
    *("To", "Cc"),
)
_RECEIVED_FOR = re.compile(r"\bfor\s+<?([^<>\s;]+@[^<>\s;]+)>?", re.IGNORECASE)


def addressed_id(message: Message) -> str | None:
    """The id in the address that a mail was sent to."""
    received = " ".join(_RECEIVED_FOR.findall(headers(message, "Received")))
    return _first(_VERP, headers(message, *_RECIPIENT_HEADERS), received)


def answered_id(message: Message) -> str | None:
    """The id that In-Reply-To, or the last of the References (RFC 5322 3.6.4), names."""
    if found := _first(_MESSAGE_ID, headers(message, "In-Reply-To")):
        return found
    named = _MESSAGE_ID.findall(headers(message, "References"))
    return named[-1].lower() if named else None


def returned_id(message: Message) -> str | None:
    """The id in what a report brings back of the message: its headers, enclosed, as fields, or in running text."""
    for inner in enclosed(message):
        if found := id_of_headers(inner):
            return found
    for part in own_parts(message):
        if part.get_content_type() == "message/delivery-status":
            text = "\n".join(
                str(name) + ": " + str(value) for group in fields_of(part) for name, value in group.items()
            )
        else:
            text = text_of(part)
        if found := _first(_OURS, text) or _first(_THEIRS, text):
            return found
    return None


def id_of_headers(returned: Message) -> str | None:
    """The id in the headers of a message of ours that came back."""
    ours = str(returned.get("X-Drips-Message-Id", "")).strip().lower()
    if re.fullmatch(_ID, ours):
        return ours
    return (
        _first(_MESSAGE_ID, headers(returned, "Message-ID"))
        or _first(_VERP, headers(returned, "Return-Path"))
        or _first(re.compile(rf"unsubscribe(?:%20|\+|\s){_ID}\b", re.IGNORECASE), headers(returned, "List-Unsubscribe"))
    )


def id_in_address(text: str) -> str | None:
    """The id in a VERP address that stands in a text."""
    return _first(_VERP, text)


def _first(pattern: re.Pattern[str], *texts: str) -> str | None:
    for text in texts:
        if match := pattern.search(text):
            return match.group(1).lower()
    return None
