"""Mails taken apart without trust: whatever is broken in one gives less, never an error for its reader.

Here belong parts, header texts and what a report encloses, and the bounds that make the work linear in a mail's size.
What any of it means belongs to the modules that ask.
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
from email.policy import Compat32
from email.utils import getaddresses
from html import unescape

from dagster_drips.templating.plain_text import plain_text

# Beyond these nothing is looked for: reports and people say what they have to say at the beginning. The parser of the
# standard library compares each line with the boundary of each open part, and takes quadratic time over parameters and
# encoded words, so lines, parts and the length of a header are what has to be bounded.
MOST_LINES = 20_000
"""Lines of a mail that are read; a MB in base64 has 14,000."""
MOST_PARTS = 100
"""Parts of a mail, those of mails in it included; one with more is not read."""
_MOST_HEADERS = 300
_LONGEST_HEADER = 8_000
_LONGEST_PARAMETERS = 1_000
_LONGEST_DECODED = 2_000
_LONGEST_TEXT = 100_000
_LONGEST_HTML = 20_000
_MOST_GROUPS = 50

# No `<` within a tag: else each `<div ` of a row of them would be searched to the end of the text.
_QUOTE_BEGINS = re.compile(
    r"<(?:blockquote\b|(?:div|table|p|hr|span)\b[^<>]{0,500}?\b(?:gmail_quote|yahoo_quoted|moz-cite-prefix"
    r"|divRplyFwdMsg|appendonsend|protonmail_quote|zmail_extra|OutlookMessageHeader))",
    re.IGNORECASE,
)
# A tag in which another one begins: the library reads such a row in quadratic time, and browsers show nothing of it.
_UNCLOSED = re.compile(r"<(?=[^<>]*(?:<|\Z))")
_NOT_BYTES = re.compile("[^\\x00-\\x7f\\udc80-\\udcff]")
_UNSEEN = re.compile(r"<(?:(style|script|head|title)\b|(!--))", re.IGNORECASE)


class TooManyParts(ValueError):
    """The mail has more parts than are read."""


class _Bounded(Compat32):
    """The standard library's own reading of headers, none of them longer than is needed."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        most = _LONGEST_PARAMETERS if name.lower().startswith("content-") else _LONGEST_HEADER
        return name, value[:most]


class _Part(Message):
    """A part whose further headers are left out."""

    def set_raw(self, name: str, value: str) -> None:
        if len(self) < _MOST_HEADERS:
            super().set_raw(name, value)


_POLICY = _Bounded()


def parse(data: bytes) -> Message:
    """A mail from its bytes; defects are borne.

    Raises:
        TooManyParts: it has more than `MOST_PARTS`.
    """
    seen = 0

    def part(policy: Compat32 = _POLICY) -> Message:
        nonlocal seen
        seen += 1
        if seen > MOST_PARTS:
            raise TooManyParts(f"more than {MOST_PARTS} parts")
        return _Part(policy)

    return message_from_bytes(_first_lines(data), part, policy=_POLICY)


def first_part(message: Message, *, longest: int, longest_line: int) -> Message:
    """A mail's beginning as a mail of its own, for libraries that take more than linear time.

    Args:
        message: the mail.
        longest: bytes of it, its headers included.
        longest_line: what is longer is cut.
    """
    lines = message.as_bytes()[:longest].split(b"\n")
    return parse(b"\n".join(line[:longest_line] for line in lines))


def header(message: Message, name: str) -> str:
    """A header's first value on one line, encoded words (RFC 2047) and bare UTF-8 read; empty where there is none."""
    value = next((value for given, value in message.raw_items() if given.lower() == name.lower()), None)
    if value is None:
        return ""
    text = _without_bare_bytes(str(value)[:_LONGEST_DECODED])
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
    while waiting:
        part = waiting.popleft()
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
    return html_words(html) if html else ""


def html_words(html: str) -> str:
    """The words of HTML as text, up to what it quotes of an earlier mail; of 20,000 characters that are seen."""
    seen = _UNCLOSED.sub(" ", _without_unseen(html))
    quoted = _QUOTE_BEGINS.search(seen)
    begun = seen[: quoted.start()] if quoted else seen
    # Somebody who writes below the quote has nothing above it.
    if not unescape(re.sub(r"<[^<>]*>", "", begun)).strip():
        begun = seen
    return plain_text(begun[:_LONGEST_HTML])


def fields_of(part: Message) -> list[Message]:
    """The groups of fields in a report's machine-readable part (RFC 3464 2.1, RFC 5965 3)."""
    payload = part.get_payload()
    groups = [group for group in payload if isinstance(group, Message)] if isinstance(payload, list) else []
    if decoded := _decoded(part, groups):
        text = decoded[:_LONGEST_TEXT].decode("utf-8", "replace").replace("\r\n", "\n")
        written = re.split(r"\n{2,}", text.strip(), maxsplit=_MOST_GROUPS)[:_MOST_GROUPS]
        return [message_from_string(group, _Part, policy=_POLICY) for group in written]
    return groups


def enclosed(message: Message) -> list[Message]:
    """The mails, or their headers, that a report or an answer brings back; the direct ones."""
    found: list[Message] = []
    for part in own_parts(message):
        kind = part.get_content_type()
        if kind in ("text/rfc822-headers", "text/rfc822"):
            found.append(parse(text_of(part).lstrip().encode("utf-8", "surrogateescape")))
        elif kind in ("message/rfc822", "message/global", "message/rfc822-headers", "message/global-headers"):
            payload = part.get_payload()
            inner = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
            decoded = _decoded(part, inner)
            found.extend([parse(decoded)] if decoded else inner)
    return found


def addresses(text: str) -> set[str]:
    """The addresses in a header's text, lower-cased."""
    return {address.lower() for _, address in getaddresses([text[:_LONGEST_DECODED]]) if "@" in address}


def _without_bare_bytes(text: str) -> str:
    """Bytes that no header may have and many have (RFC 6532 allows them to some): UTF-8, else Latin-1."""
    if text.isascii():
        return text
    content = (
        text.encode("ascii", "surrogateescape") if not _NOT_BYTES.search(text) else text.encode("utf-8", "replace")
    )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _first_lines(data: bytes) -> bytes:
    """The first `MOST_LINES` lines, whatever ends them."""
    if data.count(b"\n") + data.count(b"\r") <= MOST_LINES:
        return data
    return b"".join(data.splitlines(keepends=True)[:MOST_LINES])


def _without_unseen(html: str) -> str:
    """HTML without style sheets, scripts, its head and comments, which may be longer than what is seen."""
    pieces: list[str] = []
    place = 0
    lowered = html.lower()
    # As long as the original, or places would shift; a few letters grow when they are lower-cased.
    if len(lowered) != len(html):
        return html
    while match := _UNSEEN.search(html, place):
        end = "-->" if match[2] else f"</{match[1].lower()}"
        found = lowered.find(end, match.end())
        if found < 0:
            # It never ends: what follows is seen by browsers in a comment's case only, and read here in both.
            break
        pieces.append(html[place : match.start()])
        place = found + len(end)
        if not match[2]:
            place = lowered.find(">", place) + 1 or len(html)
    return "".join([*pieces, html[place:]])


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
