"""One connection to a mail server: yagmail connects, secures and logs in; then bytes go to and fro without waiting.

What the bytes say is in `protocol`; several connections at once are `delivery.connection_pool`. yagmail's own `send` is
never used: it repeats a message silently after a lost connection.
"""

from __future__ import annotations

import base64
import selectors
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import yagmail

from dagster_drips.errors import DripsError
from dagster_drips.settings import SmtpServer
from dagster_drips.smtp.deadlines import Deadlines
from dagster_drips.smtp.limited_client import LimitedSMTP, LimitedTLS, UnsolicitedReply, time_left
from dagster_drips.smtp.reply_text import shown

_CHUNK = 1 << 16
_LONGEST_PROBLEM = 1_000


class ServerUnavailable(Exception):
    """The server can't be reached or takes no mail now; nothing was handed over."""


class Connection:
    """A connection kept open over many messages; for one thread at a time.

    Args:
        server: where to.
        timeout: seconds to wait for a connection and for TLS; for opening in all, login too, twice as long.
    """

    def __init__(self, server: SmtpServer, *, timeout: float = 60.0):
        self._server = server
        self._deadlines = Deadlines(reply=timeout)
        self._client: yagmail.Client | None = None
        self._socket: socket.socket | None = None
        self.extensions: frozenset[str] = frozenset()
        """What the server's EHLO offers, in lower case; once it is open."""

    def open(self) -> None:
        """Connect and log in, unless it is open already; waits for it.

        Raises:
            ServerUnavailable: no connection, or the server says not now.
            DripsError: the login or TLS was refused: the settings are to be corrected.
        """
        if self._client is not None:
            return
        client = _YagmailClient.of(self._server, self._deadlines)
        try:
            client.login()
            client.smtp.ehlo_or_helo_if_needed()
            assert isinstance(client.smtp, LimitedSMTP), "_YagmailClient says so"
            client.smtp.refuse_unsolicited()
        except BaseException as error:
            _drop(client)
            # ValueError: of what smtplib makes of a challenge, or of a login that can't be written.
            if isinstance(error, (OSError, smtplib.SMTPException, ValueError)):
                # Without its cause: a server's answer may repeat the words of the login.
                raise _opening_problem(self._server, error) from None
            raise
        self._client = client
        self._socket = client.smtp.sock
        self.extensions = frozenset(client.smtp.esmtp_features)

    def fileno(self) -> int:
        """For `selectors`; -1 when it is closed."""
        return self._socket.fileno() if self._socket is not None else -1

    def go_on_without_waiting(self) -> None:
        """From now on `receive` and `send` return at once."""
        assert self._socket is not None, "open() comes first"
        self._socket.setblocking(False)

    def receive(self) -> bytes | None:
        """What has come; None where nothing has yet, nothing (`b""`) at the connection's end.

        Raises:
            OSError: the connection is lost.
        """
        assert self._socket is not None, "open() comes first"
        try:
            data = self._socket.recv(_CHUNK)
            while data and isinstance(self._socket, ssl.SSLSocket) and (more := self._socket.pending()):
                data += self._socket.recv(more)  # no selector reports what TLS holds already
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        return data

    def send(self, data: bytearray) -> int:
        """Hand over as much as the network takes now; returns how many bytes.

        Raises:
            OSError: the connection is lost.
        """
        assert self._socket is not None, "open() comes first"
        try:
            return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def hand_over(self, sender: str, recipient: str, data: bytes, *, smtputf8: bool = False) -> None:
        """One message by itself, waiting for every answer; for what no journal has to know of, such as a test.

        Raises:
            DripsError: the server refused it, or the connection was lost: the words say which.
        """
        assert self._client is not None, "open() comes first"
        try:
            self._client.smtp.sendmail(sender, [recipient], data, ["SMTPUTF8", "BODY=8BITMIME"] if smtputf8 else [])
        except (OSError, smtplib.SMTPException) as error:
            raise DripsError(f"the mail server {self._server.address} did not take it: {reason_of(error)}") from error

    def quit(self) -> bool:
        """Send QUIT, unless the network won't take it now; whether an answer is to come."""
        if self._socket is None:
            return False
        try:
            self._socket.setblocking(False)
            return self._socket.send(b"QUIT\r\n") > 0
        except OSError:
            return False

    def close(self) -> None:
        """End it with QUIT, where it is open, and wait for the answer."""
        close_all([self], self._deadlines.closing)

    def drop(self) -> None:
        """Close it at once, without QUIT."""
        if self._client is not None:
            _drop(self._client)
            self._client = self._socket = None


def close_all(connections: Sequence[Connection], seconds: float) -> None:
    """Send QUIT on all of them at once; close each at its answer, or the rest when the time is over."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            if connection.quit():
                selector.register(connection, selectors.EVENT_READ)
        try:
            while selector.get_map():
                for key, _ in selector.select(time_left(deadline)):
                    selector.unregister(key.fileobj)
        except TimeoutError:
            pass
    for connection in connections:
        connection.drop()


class _YagmailClient(yagmail.Client):
    """yagmail's client, of which only opening is used: its login name need be no address, and it never sends."""

    @classmethod
    def of(cls, server: SmtpServer, deadlines: Deadlines) -> _YagmailClient:
        # Reading the system's certificates takes 50 ms a connection: not where none is looked at.
        context = ssl.create_default_context() if server.security != "plain" else None
        options: dict[str, Any] = {"timeout": deadlines.reply, "opening": deadlines.opening}
        if server.security == "tls":
            options["context"] = context
        if server.is_loopback:
            options["local_hostname"] = "localhost"
        client = cls(
            user="",
            password=server.password or "",
            host=server.host,
            port=server.port,
            smtp_starttls={"context": context} if server.security == "starttls" else False,
            smtp_ssl=server.security == "tls",
            smtp_skip_login=server.user is None,
            soft_email_validation=False,
            **options,
        )
        client.user = server.user or ""  # given above, a login name without @ would get one of another provider
        return client

    @property
    def connection(self) -> Any:
        """What yagmail opens connections with: smtplib's classes, with limits."""
        return LimitedTLS if self.ssl else LimitedSMTP


def _drop(client: yagmail.Client) -> None:
    client.is_closed = True  # or the client would say QUIT when it is collected
    if client.smtp is not None:
        client.smtp.close()


def _opening_problem(server: SmtpServer, error: Exception) -> ServerUnavailable | DripsError:
    problem = _problem_of(server, error)
    kind = DripsError if isinstance(problem, DripsError) else ServerUnavailable
    return kind(shown(_masked(str(problem), server), _LONGEST_PROBLEM))


def _masked(text: str, server: SmtpServer) -> str:
    """The text without the server's password, also in the forms that AUTH (RFC 4616) and URLs give it."""
    if server.password:
        logins = (server.password, f"\0{server.user or ''}\0{server.password}")
        encoded = [base64.b64encode(login.encode()).decode("ascii") for login in logins]
        for form in (server.password, quote(server.password, safe=""), *encoded):
            text = text.replace(form, "********")
    return text


def _problem_of(server: SmtpServer, error: Exception) -> ServerUnavailable | DripsError:
    where = f"the mail server {server.address}"
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
        return DripsError(f"{where} refused the login of {server.user} ({_reply(error.smtp_code, error.smtp_error)})")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        return DripsError(f"no secure connection to {where}: {reason}; check DRIPS_SMTP_URL")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DripsError(f"{where} does not offer what DRIPS_SMTP_URL asks for: {error}")
    if isinstance(error, UnicodeEncodeError):
        return DripsError(f"the user or password of {where} has letters beyond ASCII, which no login here can carry")
    if isinstance(error, UnsolicitedReply):
        return ServerUnavailable(f"{where} can't be talked to: {error}")
    if isinstance(error, ValueError):
        return ServerUnavailable(f"{where} said what can't be understood while logging in")
    if isinstance(error, smtplib.SMTPResponseException):
        return ServerUnavailable(f"{where} takes no mail now ({_reply(error.smtp_code, error.smtp_error)})")
    return ServerUnavailable(f"{where} can't be reached ({reason_of(error)})")


def reason_of(error: Exception) -> str:
    """A failure of the network in a few words."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "timed out"
    return shown(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _reply(code: int, words: bytes | str) -> str:
    return f"{code} {shown(words)}".strip()
