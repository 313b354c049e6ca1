"""The bytes of a message: RFC 5322 headers and a MIME body that every mail server takes as it is.

The bytes are put together here and not by `email.message`: its folding breaks long `List-Unsubscribe` addresses into
encoded words and writes lines of over 76 characters (RFC 2045). Rendering is in `templating`, handing over in
`smtp`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

import idna

from dagster_drips.links.message_links import Links
from dagster_drips.message.content import RenderedMessage
from dagster_drips.message.encoded_words import encoded_words
from dagster_drips.message.precompiled_body import Text

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL_PART = re.compile(rf'{_ATOM}(\.{_ATOM})*|"([^"\\]|\\.)+"')
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_LONGEST_NAME = 250
_LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3, less the angle brackets


class AddressError(Exception):
    """An address that no message can be sent to or from; the text says why."""


@dataclass(frozen=True)
class Mailbox:
    """An address as it travels: the domain in ASCII (IDNA 2008), the local part untouched."""

    local_part: str
    domain: str

    @property
    def address(self) -> str:
        """`local@domain`."""
        return f"{self.local_part}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.local_part.isascii()


@dataclass(frozen=True)
class Sender:
    """Whom a message is from, as the sequence gives it, and where answers of machines go.

    `return_path` is the envelope's sender, the own address where it is None; with `verp` it carries the message_id
    (`bounces+<message_id>@…`), so that a bounce names the message it is about, whatever its author quotes.
    """

    email: str
    name: str | None = None
    reply_to: str | None = None
    return_path: str | None = None
    verp: bool = True


@dataclass(frozen=True)
class File:
    """A file that goes with a message; `content_id` is set where the HTML shows it (`cid:`)."""

    name: str
    content_type: str
    encoded: bytes
    """Base64 lines (`encoding.base64_lines`)."""
    content_id: str | None = None


@dataclass(frozen=True)
class OutgoingMessage:
    """A message ready for a mail server; `data` has CRLF line ends and no dot-stuffing."""

    message_id: str
    sender: str
    """The envelope's."""
    recipient: str
    needs_smtputf8: bool
    data: bytes


def parse_address(text: str) -> Mailbox:
    """An address taken apart and checked; white space around it is cut off.

    Raises:
        AddressError: it isn't one (RFC 5321 4.1.2), or it could smuggle something into a header.
    """
    trimmed = text.strip()
    local_part, at, domain = trimmed.rpartition("@")
    if not at or _CONTROL.search(trimmed) or len(trimmed.encode()) > _LONGEST_ADDRESS:
        raise AddressError(f"not a mail address: {_shown(text)}")
    if not _LOCAL_PART.fullmatch(local_part) or len(local_part.encode()) > 64:
        raise AddressError(f"not a mail address: {_shown(text)}")
    return Mailbox(local_part, _ascii_domain(domain, text))


@lru_cache(maxsize=1000)
def _known_address(text: str) -> Mailbox:
    """A sender's, parsed once."""
    return parse_address(text)


def build_message(
    rendered: RenderedMessage,
    *,
    message_id: str,
    sequence_id: str,
    step_id: str,
    sender: Sender,
    recipient: str,
    links: Links,
    date: datetime,
    headers: Mapping[str, str] | None = None,
    files: Sequence[File] = (),
    sign: Callable[[bytes], bytes] | None = None,
) -> OutgoingMessage:
    """One message, with the headers the contract lists.

    Args:
        rendered: the subject and both bodies.
        message_id: ours; the Message-ID is `<message_id@sender-domain>`.
        sequence_id: for `X-Drips-Sequence`.
        step_id: for `X-Drips-Step`.
        sender: From and Reply-To; line breaks in a name become spaces.
        recipient: To, as landed.
        links: `List-Unsubscribe`'s targets.
        date: naive UTC.
        headers: more of them, ASCII, short.
        files: attachments, and images that the HTML shows.
        sign: puts a signature before the finished message.

    Raises:
        AddressError: an address is none.
    """
    from_box, to_box = _known_address(sender.email), parse_address(recipient)
    needs_smtputf8, common = _common_headers(sender, sequence_id, step_id)
    head = [
        common,
        f"To: {to_box.address}",
        f"Subject: {_unstructured(rendered.subject, 'Subject')}",
        f"Date: {_date(date)}",
        f"Message-ID: <{message_id}@{from_box.domain}>",
        f"X-Drips-Message-Id: {message_id}",
        "List-Unsubscribe: " + ",\r\n ".join(f"<{target}>" for target in links.list_unsubscribe),
        # One click is a POST to an https address; without one the header says what can't be done (RFC 8058 3.1).
        *(["List-Unsubscribe-Post: List-Unsubscribe=One-Click"] if _has_https(links) else []),
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    content = _content(rendered, files, message_id)
    data = "\r\n".join(head).encode() + b"\r\n" + content
    if sign:
        data = sign(data)
    return OutgoingMessage(
        message_id, _envelope_sender(sender, message_id), to_box.address, needs_smtputf8 or to_box.needs_smtputf8, data
    )


def _has_https(links: Links) -> bool:
    return any(target.startswith("https:") for target in links.list_unsubscribe)


@lru_cache(maxsize=1000)
def _common_headers(sender: Sender, sequence_id: str, step_id: str) -> tuple[bool, str]:
    """The headers that all messages of a step share, and whether they need SMTPUTF8."""
    from_box = parse_address(sender.email)
    reply_box = parse_address(sender.reply_to) if sender.reply_to else None
    path_box = parse_address(sender.return_path) if sender.return_path else None
    lines = [
        f"From: {_named(sender.name, from_box, 'From')}",
        *([f"Reply-To: {reply_box.address}"] if reply_box else []),
        f"Feedback-ID: {step_id}:{sequence_id}:drips:{_feedback_sender(from_box.domain)}",
        f"X-Drips-Sequence: {sequence_id}",
        f"X-Drips-Step: {step_id}",
        "MIME-Version: 1.0",
    ]
    boxes = [box for box in (from_box, reply_box, path_box) if box]
    return any(box.needs_smtputf8 for box in boxes), "\r\n".join(lines)


def _feedback_sender(domain: str) -> str:
    """Google's SenderId: 5 to 15 characters that stay the same for a sender."""
    return domain.replace(".", "-")[-15:].strip("-").ljust(5, "-")


def _envelope_sender(sender: Sender, message_id: str) -> str:
    if sender.return_path is None:
        return _known_address(sender.email).address
    box = _known_address(sender.return_path)
    return f"{box.local_part}+{message_id}@{box.domain}" if sender.verp else box.address


def _content(rendered: RenderedMessage, files: Sequence[File], message_id: str) -> bytes:
    """The body and its Content-Type, from the inside outwards: alternative, related, mixed (RFC 2046 5.1, RFC 2387)."""
    content = _multipart(
        "alternative", message_id, [_text_part("plain", rendered.text), _text_part("html", rendered.html)]
    )
    shown = [_file_part(file) for file in files if file.content_id]
    if shown:
        content = _multipart("related", message_id, [content, *shown], ';\r\n type="multipart/alternative"')
    attached = [_file_part(file) for file in files if not file.content_id]
    return _multipart("mixed", message_id, [content, *attached]) if attached else content


def _multipart(subtype: str, message_id: str, parts: Sequence[bytes], parameters: str = "") -> bytes:
    boundary = f"=_{subtype}_{message_id}"  # "=_" can occur neither in quoted-printable nor in base64
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"{parameters}\r\n\r\n'
    between = f"\r\n--{boundary}\r\n".encode()
    return b"".join((head.encode(), between[2:], between.join(parts), f"\r\n--{boundary}--\r\n".encode()))


def _text_part(subtype: str, text: Text) -> bytes:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {text.body.encoding}\r\n\r\n"
    return head.encode() + text.encoded()


def _file_part(file: File) -> bytes:
    disposition = "inline" if file.content_id else "attachment"
    lines = [
        f"Content-Type: {file.content_type}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {disposition};\r\n {_file_name(file.name)}",
        *([f"Content-ID: <{file.content_id}>"] if file.content_id else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + file.encoded


def _file_name(name: str) -> str:
    """The `filename` parameter; RFC 2231 where the name is not plain ASCII."""
    clean = _CONTROL.sub(" ", name)
    if clean.isascii() and '"' not in clean and "\\" not in clean:
        return f'filename="{clean}"'
    return f"filename*=utf-8''{quote(clean, safe='')}"


@lru_cache(maxsize=1)
def _date(instant: datetime) -> str:
    return format_datetime(instant.replace(tzinfo=UTC))


def _unstructured(text: str, header: str) -> str:
    """A header's text in one logical line: as it is where that is short ASCII, else as encoded words (RFC 2047)."""
    clean = " ".join(_CONTROL.sub(" ", text).split())
    if clean.isascii() and "=?" not in clean and len(header) + 2 + len(clean) <= 76:
        return clean
    return encoded_words(clean, before=len(header) + 2)


def _named(name: str | None, box: Mailbox, header: str) -> str:
    """`Name <address>`, the name quoted or encoded as it needs."""
    clean = " ".join(_CONTROL.sub(" ", name or "").split())[:_LONGEST_NAME]
    if not clean:
        return box.address
    if not clean.isascii() or "=?" in clean or len(clean) > 60:
        encoded = encoded_words(clean, before=len(header) + 2)
        return f"{encoded}\r\n <{box.address}>"
    phrase = clean if _PLAIN_PHRASE.fullmatch(clean) else '"{}"'.format(re.sub(r'(["\\])', r"\\\1", clean))
    return f"{phrase} <{box.address}>"


def _ascii_domain(domain: str, text: str) -> str:
    if domain.isascii():
        if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*", domain):
            return domain
        raise AddressError(f"not a mail address: {_shown(text)}")
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise AddressError(f"not a domain name: {_shown(domain)}") from error


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
