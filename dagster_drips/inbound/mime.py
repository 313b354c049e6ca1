"""Mails taken apart without trust: whatever is broken in one gives less, never an error for its reader.

Here belong parts, header texts and what a report encloses. What any of it means belongs to the modules that ask.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes, message_from_string
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

from dagster_drips.mail.plain_text import plain_text

# Beyond it nothing is looked for: reports say what they have to say at their beginning.
_LONGEST_TEXT = 100_000
_MOST_PARTS = 200
_QUOTED_HTML = re.compile(r"<blockquote\b|<div[^>]+class=[\"'][^\"']*(?:gmail_quote|yahoo_quoted)", re.IGNORECASE)


def parse(data: bytes) -> Message:
    """A mail from its bytes; defects are borne."""
    return message_from_bytes(data)


def header(message: Message, name: str) -> str:
    """A header's first value on one line, encoded words read (RFC 2047); empty where there is none."""
    value = message.get(name)
    if value is None:
        return ""
    text = str(value)
    # An unknown charset or cut base64: as it came.
    with suppress(LookupError, ValueError, HeaderParseError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def headers(message: Message, *names: str) -> str:
    """All values of these headers, a line each, as they came."""
    return "\n".join(" ".join(str(value).split()) for name in names for value in message.get_all(name, []))


def own_parts(message: Message) -> Iterator[Message]:
    """A mail's parts from the outside inwards; not those of a mail that it encloses."""
    waiting = deque([message])
    seen = 0
    while waiting and seen < _MOST_PARTS:
        part = waiting.popleft()
        seen += 1
        yield part
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting.extend(inner for inner in payload if isinstance(inner, Message))


def text_of(part: Message) -> str:
    """A text part's words; empty for any other part."""
    if part.get_content_maintype() != "text":
        return ""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    payload = payload[:_LONGEST_TEXT]
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return payload.decode("latin-1")


def written_text(message: Message) -> str:
    """What a person or a program wrote: the first plain text, else the first HTML's words up to what it quotes."""
    html = ""
    for part in own_parts(message):
        if part.get_content_disposition() == "attachment":
            continue
        kind = part.get_content_type()
        if kind == "text/plain" and (text := text_of(part)).strip():
            return text
        html = html or (text_of(part) if kind == "text/html" else "")
    quoted = _QUOTED_HTML.search(html)
    return plain_text(html[: quoted.start()] if quoted and quoted.start() else html) if html else ""


def fields_of(part: Message) -> list[Message]:
    """The groups of fields in a report's machine-readable part (RFC 3464 2.1, RFC 5965 3)."""
    payload = part.get_payload()
    groups = [group for group in payload if isinstance(group, Message)] if isinstance(payload, list) else []
    if decoded := _decoded(part, groups):
        text = decoded.decode("utf-8", "replace").replace("\r\n", "\n")
        return [message_from_string(group) for group in re.split(r"\n{2,}", text.strip())]
    return groups


def enclosed(message: Message) -> list[Message]:
    """The mails, or their headers, that a report or an answer brings back; the direct ones."""
    found = []
    for part in own_parts(message):
        kind = part.get_content_type()
        if kind in ("text/rfc822-headers", "text/rfc822"):
            found.append(message_from_string(text_of(part).lstrip()))
        elif kind in ("message/rfc822", "message/global", "message/rfc822-headers", "message/global-headers"):
            payload = part.get_payload()
            inner = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
            decoded = _decoded(part, inner)
            found.extend([message_from_bytes(decoded)] if decoded else inner)
    return found


def addresses(text: str) -> set[str]:
    """The addresses in a header's text, lower-cased."""
    return {address.lower() for _, address in getaddresses([text]) if "@" in address}


def _decoded(part: Message, inner: list[Message]) -> bytes:
    """The bytes of an enclosed mail that was encoded, which it must not be (RFC 2046 5.2.1) and sometimes is."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    text = "".join(str(one.get_payload()) for one in inner if isinstance(one.get_payload(), str))
    # What can't be decoded is looked at as it came.
    with suppress(binascii.Error, ValueError):
        if encoding == "base64":
            return base64.b64decode(text)
        if encoding == "quoted-printable" and not any(one.keys() for one in inner):
            return quopri.decodestring(text.encode("utf-8", "replace"))
    return b""
