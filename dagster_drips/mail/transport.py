"""One connection to a mail server: yagmail connects, secures and logs in; the transaction is ours.

Here a server's replies become an `Outcome`, one vocabulary whatever the server says (RFC 5321, RFC 3463). Retries,
claims and several connections are in `crew` and `dispatch`. yagmail's own `send` is never used: it repeats a message
silently after a lost connection.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from typing import Any, Literal

import yagmail

from dagster_drips.errors import DripsError
from dagster_drips.mail.message import OutgoingMessage
from dagster_drips.settings import SmtpServer

OutcomeKind = Literal["sent", "deferred", "bounced", "failed", "in_doubt"]

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_NOT_ALLOWED_IN = frozenset(
    {454, 530, 534, 535, 538}
)  # the server wants a login, TLS, or others than ours (RFC 3207, 4954)
_LONGEST_DETAIL = 500


@dataclass(frozen=True)
class Outcome:
    """What became of one message.

    `sent`: the server took it. `deferred`: it did not, later it may. `bounced`: it refuses this recipient for good.
    `failed`: it refuses the message for good. `in_doubt`: the whole message went out and no answer came back.
    """

    outcome: OutcomeKind
    smtp_code: int | None = None
    enhanced_code: str | None = None
    detail: str | None = None
    lost_connection: bool = False
    """The connection ended with this message, by the server's or the network's doing."""
    not_allowed_in: bool = False
    """The server takes nothing from us as we are: going on is useless."""


class ServerUnavailable(Exception):
    """The server can't be reached or takes no mail now; nothing was handed over."""


class Connection:
    """A connection kept open over many messages; for one thread.

    Args:
        server: where to.
        timeout: seconds to wait for a connection and for each reply.
        final_timeout: seconds to wait for the answer to a whole message (RFC 5321 4.5.3.2.6 asks for 10 minutes):
            giving up early leaves a message in doubt.
    """

    def __init__(self, server: SmtpServer, *, timeout: float = 60.0, final_timeout: float = 600.0):
        self._server = server
        self._timeout = timeout
        self._final_timeout = final_timeout
        self._client: yagmail.Client | None = None
        self._used = False
        self._mail_accepted = False

    def open(self) -> None:
        """Connect and log in, unless it is open already.

        Raises:
            ServerUnavailable: no connection, or the server says not now.
            DripsError: the login or TLS was refused: the settings are to be mended.
        """
        if self._client is not None:
            return
        client = _client(self._server, self._timeout)
        try:
            client.login()
            client.smtp.ehlo_or_helo_if_needed()
        except BaseException as error:
            _drop(client)
            if isinstance(error, (OSError, smtplib.SMTPException)):
                raise _opening_problem(self._server, error) from error
            raise
        self._client = client
        self._used = False

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand one message over, at most once; the connection must be open.

        After an outcome with `lost_connection` it has to be opened again.
        """
        used = self._used
        outcome = self._transaction(message)
        if used and outcome.lost_connection and not self._mail_accepted:
            # The server ended an idle or long-used connection; of this message nothing was said there.
            try:
                self.open()
            except (ServerUnavailable, DripsError) as error:
                return Outcome("deferred", detail=_cut(str(error)), lost_connection=True)
            outcome = self._transaction(message)
        return outcome

    def close(self) -> None:
        """Say goodbye, if there is anyone to say it to."""
        if self._client is not None:
            client, self._client = self._client, None
            try:
                client.smtp.quit()
            except (OSError, smtplib.SMTPException):
                pass
            finally:
                _drop(client)

    def _transaction(self, message: OutgoingMessage) -> Outcome:
        """MAIL, RCPT, DATA and the body (RFC 5321 3.3)."""
        assert self._client is not None, "open() comes first"
        smtp = self._client.smtp
        self._used, self._mail_accepted = True, False
        if message.needs_smtputf8 and not smtp.has_extn("smtputf8"):
            return Outcome(
                "failed", detail="the address is not ASCII and the server does not offer SMTPUTF8 (RFC 6531)"
            )
        smtp.command_encoding = "utf-8" if message.needs_smtputf8 else "ascii"
        options = " SMTPUTF8 BODY=8BITMIME" if message.needs_smtputf8 else ""
        commands = (("MAIL", f"FROM:<{message.sender}>{options}"), ("RCPT", f"TO:<{message.recipient}>"), ("DATA", ""))
        stage = "MAIL"
        try:
            for stage, arguments in commands:
                code, words = smtp.docmd(stage, arguments)
                if code // 100 != (3 if stage == "DATA" else 2):
                    return self._refused(stage, code, words)
                self._mail_accepted = True
            # One write to its end: where it raises, the final dot never left this machine.
            smtp.send(_dot_stuffed(message.data))
        except (OSError, smtplib.SMTPException) as error:
            self._lose()
            return Outcome("deferred", detail=_lost(f"in {stage}", error), lost_connection=True)
        return self._answer(smtp)

    def _answer(self, smtp: smtplib.SMTP) -> Outcome:
        """What the server says of the whole message; without a readable word nobody knows."""
        try:
            _wait_at_most(smtp, self._final_timeout)
            code, words = smtp.getreply()
            _wait_at_most(smtp, self._timeout)
        except (OSError, smtplib.SMTPException) as error:
            self._lose()
            return Outcome("in_doubt", detail=_lost("before the server's answer", error), lost_connection=True)
        if code // 100 == 2:
            return _outcome("sent", code, words)
        if code // 100 not in (4, 5):
            self._lose()
            return _outcome("in_doubt", code, words, lost_connection=True)
        if code == 421:
            self._lose()
        return _outcome("deferred" if code < 500 else "failed", code, words, lost_connection=code == 421)

    def _refused(self, stage: str, code: int, words: bytes) -> Outcome:
        lost = code // 100 not in (4, 5) or code == 421 or not self._reset()
        if lost:
            self._lose()
        not_allowed_in = code in _NOT_ALLOWED_IN
        if code // 100 == 5 and not not_allowed_in:
            return _outcome("bounced" if stage == "RCPT" else "failed", code, words, lost_connection=lost)
        return _outcome("deferred", code, words, lost_connection=lost, not_allowed_in=not_allowed_in)

    def _reset(self) -> bool:
        assert self._client is not None
        try:
            return self._client.smtp.rset()[0] // 100 == 2
        except (OSError, smtplib.SMTPException):
            return False

    def _lose(self) -> None:
        if self._client is not None:
            _drop(self._client)
            self._client = None


def _client(server: SmtpServer, timeout: float) -> yagmail.Client:
    """yagmail's client as an opener of connections: its login name is no address, and it never sends."""
    context = ssl.create_default_context()
    connection_options: dict[str, Any] = {"timeout": timeout}
    if server.security == "tls":
        connection_options["context"] = context
    if server.is_loopback:
        connection_options["local_hostname"] = "localhost"
    client = yagmail.Client(
        user="",
        password=server.password or "",
        host=server.host,
        port=server.port,
        smtp_starttls={"context": context} if server.security == "starttls" else False,
        smtp_ssl=server.security == "tls",
        smtp_skip_login=server.user is None,
        soft_email_validation=False,
        **connection_options,
    )
    client.user = server.user or ""  # given above, a login name without @ would get one of another provider
    return client


def _wait_at_most(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _drop(client: yagmail.Client) -> None:
    client.is_closed = True  # or the client would say QUIT when it is collected
    if client.smtp is not None:
        client.smtp.close()


def _opening_problem(server: SmtpServer, error: Exception) -> ServerUnavailable | DripsError:
    where = f"the mail server {server.address}"
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
        return DripsError(f"{where} refused the login of {server.user} ({_reply(error.smtp_code, error.smtp_error)})")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        return DripsError(f"no secure connection to {where}: {reason}; check DRIPS_SMTP_URL")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DripsError(f"{where} does not offer what DRIPS_SMTP_URL asks for: {error}")
    if isinstance(error, smtplib.SMTPResponseException):
        return ServerUnavailable(f"{where} takes no mail now ({_reply(error.smtp_code, error.smtp_error)})")
    return ServerUnavailable(f"{where} can't be reached ({_reason(error)})")


def _outcome(
    kind: OutcomeKind, code: int, words: bytes, *, lost_connection: bool = False, not_allowed_in: bool = False
) -> Outcome:
    text = _text(words)
    enhanced = _ENHANCED.match(text)
    known_code = code if code > 0 else None
    return Outcome(
        kind, known_code, enhanced.group(1) if enhanced else None, _cut(text), lost_connection, not_allowed_in
    )


def _dot_stuffed(data: bytes) -> bytes:
    """The body as DATA wants it, up to the final dot (RFC 5321 4.5.2); `data` ends with CRLF."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    return (b"." + stuffed if stuffed.startswith(b".") else stuffed) + b".\r\n"


def _lost(where: str, error: Exception) -> str:
    return _cut(f"the connection was lost {where} ({_reason(error)})")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "timed out"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _reply(code: int, words: bytes | str) -> str:
    return f"{code} {_text(words)}".strip()


def _text(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(text.split())


def _cut(text: str) -> str:
    return text[:_LONGEST_DETAIL]
