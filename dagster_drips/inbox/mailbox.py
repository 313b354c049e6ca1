"""A mailbox over IMAP (RFC 3501): mails in the order of their UIDs, read without a trace.

imap-tools opens the connection. Reading is done here in bounded pieces, since a mailbox may hold a million mails and a
mail may be any size; so are flags and moving, as imap-tools expunges whatever somebody else has marked as deleted.
What mails mean, and which were read before, is not known here.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError, UnexpectedCommandStatusError
from imap_tools.utils import encode_folder

from dagster_drips.errors import DripsError
from dagster_drips.settings import ImapServer

MOST_BYTES = 1024 * 1024
"""What is read of a mail; a report says what it has to say before it encloses the message."""

_TIMEOUT_SECONDS = 60.0
_UIDS_AT_ONCE = 1_000
_MAILS_AT_ONCE = 100
_BYTES_AT_ONCE = 8 * 1024 * 1024
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_ARRIVED = re.compile(rb'\bINTERNALDATE "([^"]+)"')


@dataclass(frozen=True)
class Arrival:
    """A mail as the mailbox lists it: size in bytes, `arrived_at` naive UTC, None where the server's date is none."""

    uid: int
    size: int
    arrived_at: datetime | None


@dataclass(frozen=True)
class Mail:
    """A mail as it was read; `data` has at most `MOST_BYTES`, and None where the server can't give it."""

    arrival: Arrival
    data: bytes | None


class Mailbox:
    """One mailbox, open while it is entered.

    Args:
        server: where, and whom to log in as.
        name: the mailbox on the server.
        writable: whether flags may be set and mails moved; otherwise not even `\\Recent` changes (EXAMINE).
    """

    def __init__(self, server: ImapServer, name: str, *, writable: bool = False):
        self._server = server
        self._name = name
        self._writable = writable
        self._box: BaseMailBox | None = None
        self.uid_validity = 0
        """With another one, all UIDs have a new meaning (RFC 3501 2.3.1.1)."""

    def __enter__(self) -> Self:
        try:
            self._box = _connected(self._server)
            _log_in(self._box, self._server)
            self._box.folder.set(self._name, readonly=not self._writable)
            self.uid_validity = self._number("UIDVALIDITY") or 0
        except (ImapToolsError, imaplib.IMAP4.error, OSError) as error:
            self._close()
            raise _problem(self._server, self._name, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def arrivals(self, after: int) -> Iterator[list[Arrival]]:
        """Mails with a UID above `after`, in ascending order, some at a time.

        Raises:
            DripsError: the connection was lost, or the server doesn't answer as IMAP has it.
        """
        end = self._next_uid()
        for first in range(after + 1, end, _UIDS_AT_ONCE):
            span = f"{first}:{min(first + _UIDS_AT_ONCE, end) - 1}"
            answer = self._asked("FETCH", span, "(UID RFC822.SIZE INTERNALDATE)")
            found = [arrival for line in answer if (arrival := _arrival(_joined(line)))]
            # Mail that nobody asked for may be listed as well.
            asked = {arrival.uid: arrival for arrival in found if first <= arrival.uid < end}
            if asked:
                yield [asked[uid] for uid in sorted(asked)]

    def read(self, arrivals: Sequence[Arrival]) -> Iterator[list[Mail]]:
        """These mails, so many at a time as fit into memory; one that is gone by now is left out.

        Raises:
            DripsError: the connection was lost.
        """
        for batch in _batches(arrivals):
            bodies = self._bodies([arrival.uid for arrival in batch])
            yield [Mail(arrival, bodies[arrival.uid]) for arrival in batch if arrival.uid in bodies]

    def mark_seen(self, uids: Sequence[int]) -> None:
        """Set `\\Seen` on these mails.

        Raises:
            DripsError: the server refuses.
        """
        for some in _chunks(uids):
            self._asked("STORE", some, "+FLAGS.SILENT", r"(\Seen)")

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move these mails (RFC 6851; without it, copy and expunge just these, RFC 4315).

        Raises:
            DripsError: there is no such folder, or the server can't do it without touching other mails.
        """
        target = encode_folder(folder)
        for some in _chunks(uids):
            if self._can("MOVE"):
                self._asked("MOVE", some, target)
            elif self._can("UIDPLUS"):
                self._asked("COPY", some, target)
                self._asked("STORE", some, "+FLAGS.SILENT", r"(\Deleted)")
                self._asked("EXPUNGE", some)
            else:
                raise DripsError(f"the mail server {self._server.address} can't move mails (RFC 6851); go without")

    def require_folder(self, folder: str) -> None:
        """See that a folder to move to is there.

        Raises:
            DripsError: it isn't.
        """
        try:
            exists = self._open.folder.exists(folder)
        except (ImapToolsError, imaplib.IMAP4.error, OSError) as error:
            raise _problem(self._server, self._name, error) from error
        if not exists:
            raise DripsError(f"the mail server {self._server.address} has no folder {folder}; make it first")

    @property
    def _open(self) -> BaseMailBox:
        assert self._box is not None, "a mailbox is used while it is entered"
        return self._box

    def _next_uid(self) -> int:
        """The end of the UIDs that were there when the mailbox was opened."""
        if following := self._number("UIDNEXT"):
            return following
        last = [_UID.search(_joined(line)) for line in self._asked("FETCH", "*", "(UID)")]
        return max((int(match.group(1)) + 1 for match in last if match), default=1)

    def _number(self, name: str) -> int | None:
        _, values = self._open.client.response(name)
        return int(values[0]) if values and values[0] else None

    def _can(self, capability: str) -> bool:
        return capability in self._open.client.capabilities

    def _asked(self, command: str, *arguments: Any) -> list[Any]:
        try:
            status, answer = self._open.client.uid(command, *arguments)
        except (imaplib.IMAP4.error, OSError) as error:
            raise _problem(self._server, self._name, error) from error
        if status != "OK":
            words = _words(answer)
            raise DripsError(f"the mail server {self._server.address} refuses {command} in {self._name}: {words}")
        return [line for line in answer if line]

    def _bodies(self, uids: list[int]) -> dict[int, bytes | None]:
        """The first bytes of mails by UID; a mail that the server can't read doesn't hide the others."""
        try:
            status, answer = self._open.client.uid(
                "FETCH", ",".join(map(str, uids)), f"(UID BODY.PEEK[]<0.{MOST_BYTES}>)"
            )
        except imaplib.IMAP4.abort as error:
            raise _problem(self._server, self._name, error) from error
        except imaplib.IMAP4.error:
            status, answer = "BAD", []
        except OSError as error:
            raise _problem(self._server, self._name, error) from error
        if status == "OK":
            return _bodies(answer)
        if len(uids) == 1:
            return {uids[0]: None}
        return {uid: body for one in uids for uid, body in self._bodies([one]).items()}

    def _close(self) -> None:
        if self._box is not None:
            # It has nothing left to say: whatever goes wrong now loses nothing.
            with suppress(ImapToolsError, imaplib.IMAP4.error, OSError):
                self._box.logout()
            self._box = None


def _connected(server: ImapServer) -> BaseMailBox:
    context = ssl.create_default_context()
    if server.security == "tls":
        return MailBox(server.host, server.port, timeout=_TIMEOUT_SECONDS, ssl_context=context)
    if server.security == "starttls":
        return MailBoxStartTls(server.host, server.port, timeout=_TIMEOUT_SECONDS, ssl_context=context)
    return MailBoxUnencrypted(server.host, server.port, timeout=_TIMEOUT_SECONDS)


def _log_in(box: BaseMailBox, server: ImapServer) -> None:
    user, password = server.user or "", server.password or ""
    if (user + password).isascii():
        box.login(user, password, initial_folder=None)
    else:
        box.login_utf8(user, password, initial_folder=None)
    # What a server can do, it may announce only after the login.
    status, answer = box.client.capability()
    if status == "OK" and answer and answer[0]:
        box.client.capabilities = tuple(answer[0].decode("ascii", "replace").upper().split())


def _arrival(line: bytes) -> Arrival | None:
    uid, size, arrived = _UID.search(line), _SIZE.search(line), _ARRIVED.search(line)
    if not uid or not size:
        return None
    return Arrival(
        int(uid.group(1)), int(size.group(1)), _instant(arrived.group(1).decode("latin-1") if arrived else "")
    )


def _instant(text: str) -> datetime | None:
    """`17-Jul-1996 02:44:25 -0700` as naive UTC."""
    try:
        return parsedate_to_datetime(text.strip().replace("-", " ", 2)).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, TypeError, OverflowError):
        return None


def _batches(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    batch: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        takes = min(arrival.size, MOST_BYTES)
        if batch and (size + takes > _BYTES_AT_ONCE or len(batch) == _MAILS_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(arrival)
        size += takes
    if batch:
        yield batch


def _chunks(uids: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(uids), _MAILS_AT_ONCE):
        yield ",".join(map(str, uids[start : start + _MAILS_AT_ONCE]))


def _bodies(answer: Sequence[Any]) -> dict[int, bytes | None]:
    """imaplib gives `(what stands before a literal, the literal)` and, apart, what stands behind it."""
    found: dict[int, bytes | None] = {}
    for place, item in enumerate(answer):
        if not isinstance(item, tuple):
            continue
        behind = answer[place + 1] if place + 1 < len(answer) else b""
        uid = _UID.search(item[0]) or _UID.search(behind if isinstance(behind, bytes) else b"")
        if uid:
            found[int(uid.group(1))] = item[1]
    return found


def _joined(line: Any) -> bytes:
    return b" ".join(line) if isinstance(line, tuple) else line


def _words(answer: Sequence[Any]) -> str:
    return b" ".join(_joined(line) for line in answer if line).decode("utf-8", "replace")[:300]


def _problem(server: ImapServer, name: str, error: Exception) -> DripsError:
    where = f"the mail server {server.address}"
    words = _words(error.command_result[1]) if isinstance(error, UnexpectedCommandStatusError) else str(error)
    if isinstance(error, MailboxLoginError):
        return DripsError(f"{where} refused the login of {server.user} ({words}); check DRIPS_IMAP_URL")
    if isinstance(error, MailboxFolderSelectError):
        return DripsError(f"{where} has no mailbox {name} ({words})")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        return DripsError(f"no secure connection to {where}: {reason}; check DRIPS_IMAP_URL")
    if isinstance(error, TimeoutError):
        return DripsError(f"{where} can't be reached (timed out)")
    if isinstance(error, OSError):
        return DripsError(f"{where} can't be reached ({error.strerror or error})")
    return DripsError(f"{where} does not answer as IMAP has it: {words[:300]}")
