"""The bytes of a message: RFC 5322 headers and a MIME body that every mail server takes as it is.

The bytes are put together here and not by `email.message`: its folding breaks long `List-Unsubscribe` addresses into
encoded words and writes lines of over 76 characters (RFC 2045). Rendering is in `templates`, handing over in
`transport`.
"""

from __future__ import annotations

import binascii
import re
from base64 import encodebytes
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime

import idna

from dagster_drips.mail.links import Links
from dagster_drips.mail.templates import RenderedMessage

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL_PART = re.compile(rf'{_ATOM}(\.{_ATOM})*|"([^"\\]|\\.)+"')
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_EIGHT_BIT = bytes(range(128, 256))
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
    """Whom a message is from, as the sequence gives it."""

    email: str
    name: str | None = None
    reply_to: str | None = None


@dataclass(frozen=True)
class OutgoingMessage:
    """A message ready for a mail server; `data` has CRLF line ends and no dot-stuffing."""

    message_id: str
    sender: str
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

    Raises:
        AddressError: an address is none.
    """
    from_box, to_box = parse_address(sender.email), parse_address(recipient)
    reply_box = parse_address(sender.reply_to) if sender.reply_to else None
    boundary = f"=_drips_{message_id}"  # "=_" can occur neither in quoted-printable nor in base64
    lines = [
        f"From: {_named(sender.name, from_box, 'From')}",
        f"To: {to_box.address}",
        *([f"Reply-To: {reply_box.address}"] if reply_box else []),
        f"Subject: {_unstructured(rendered.subject, 'Subject')}",
        f"Date: {format_datetime(date.replace(tzinfo=UTC))}",
        f"Message-ID: <{message_id}@{from_box.domain}>",
        f"X-Drips-Message-Id: {message_id}",
        f"X-Drips-Sequence: {sequence_id}",
        f"X-Drips-Step: {step_id}",
        "List-Unsubscribe: " + ",\r\n ".join(f"<{target}>" for target in links.list_unsubscribe),
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',
        "",
        f"--{boundary}",
    ]
    head = "\r\n".join(lines).encode()
    data = b"".join(
        (
            head,
            b"\r\n",
            _part("plain", rendered.text),
            f"\r\n--{boundary}\r\n".encode(),
            _part("html", rendered.html),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    boxes = [from_box, to_box, *([reply_box] if reply_box else [])]
    return OutgoingMessage(message_id, from_box.address, to_box.address, any(box.needs_smtputf8 for box in boxes), data)


def _part(subtype: str, text: str) -> bytes:
    """A text part in the shorter of the two encodings; both keep lines at 76 characters."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").replace("\n", "\r\n").encode() + b"\r\n"
    if (len(data) - len(data.translate(None, _EIGHT_BIT))) * 6 > len(data):
        name, encoded = "base64", encodebytes(data).replace(b"\n", b"\r\n")
    else:
        name, encoded = "quoted-printable", binascii.b2a_qp(data, istext=True)
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {name}\r\n\r\n"
    return head.encode() + encoded


def _unstructured(text: str, header: str) -> str:
    """A header's text in one logical line: as it is where that is short ASCII, else as encoded words (RFC 2047)."""
    clean = " ".join(_CONTROL.sub(" ", text).split())
    if clean.isascii() and "=?" not in clean and len(header) + 2 + len(clean) <= 76:
        return clean
    return Header(clean, "utf-8", maxlinelen=75, header_name=header).encode(linesep="\r\n")


def _named(name: str | None, box: Mailbox, header: str) -> str:
    """`Name <address>`, the name quoted or encoded as it needs."""
    clean = " ".join(_CONTROL.sub(" ", name or "").split())[:_LONGEST_NAME]
    if not clean:
        return box.address
    if not clean.isascii() or "=?" in clean or len(clean) > 60:
        encoded = Header(clean, "utf-8", maxlinelen=75, header_name=header).encode(linesep="\r\n")
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
