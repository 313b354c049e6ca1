"""Mail servers: reached, secured, logged in, and what they offer. No message is begun.

A connection by smtplib alone hears what the server offers; a second one is opened as in a run, and logs in.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster_drips.clock import utc_now
from dagster_drips.doctor.report import Check
from dagster_drips.errors import DripsError
from dagster_drips.settings import SmtpServer, setting_name, variable_of
from dagster_drips.smtp.connections import Connection, ServerUnavailable
from dagster_drips.smtp.limited_client import LimitedSMTP, LimitedTLS
from dagster_drips.smtp.reply_text import shown

_SECONDS = 15.0
_EXPIRES_SOON = timedelta(days=14)
_SMALL_SIZE = 1_000_000
_WORTH_KNOWING = ("PIPELINING", "SMTPUTF8", "8BITMIME", "SIZE", "STARTTLS")


@dataclass(frozen=True)
class Offer:
    """What a server says of itself.

    Args:
        extensions: keyword in upper case → its parameters (RFC 5321 4.1.1.1), as offered once the connection is secure.
        certificate_ends: naive UTC; None without TLS.
    """

    extensions: Mapping[str, str]
    certificate_ends: datetime | None


def check_servers(servers: Mapping[str, SmtpServer], used_by: Mapping[str, list[str]]) -> Iterator[Check]:
    """Every server that is set, then those that senders use and nobody set.

    Args:
        servers: by name, as `Settings.smtp_servers` has them.
        used_by: server name as in `senders.yml` → who sends by it.
    """
    if not servers and not used_by:
        yield Check("server default", "warning", "no mail server is set, so nothing can be sent", "set DRIPS_SMTP_URL")
    for name, server in servers.items():
        yield from check_server(name, server)
    for name in sorted(name for name in used_by if setting_name(name) not in servers):
        users = ", ".join(used_by[name])
        message = f"it is not set, and {users} would send by it"
        yield Check(f"server {name}", "problem", message, f"set {server_variable(name)}, like smtps://user@host")


def check_server(name: str, server: SmtpServer, *, timeout: float = _SECONDS) -> Iterator[Check]:
    """One server: can mail be handed to it, is that safe, what does it offer.

    Args:
        name: as settings call it.
        server: what they say of it.
        timeout: seconds after which a server that says nothing counts as not there.
    """
    subject, variable = f"server {name}", server_variable(name)
    offer, failure = None, ""
    try:
        offer = ask_for_offer(server, timeout)
    except (OSError, smtplib.SMTPException) as error:
        # smtplib reports a silence after connecting as a lost connection.
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            message = f"the mail server {server.address} does not answer (timed out)"
            yield Check(
                subject, "problem", message, f"check {variable}, and whether the network lets this port through"
            )
            return
        failure = shown(str(error))  # the words for people come from the connection that would send
    connection = Connection(server, timeout=timeout)
    try:
        connection.open()
    except (DripsError, ServerUnavailable) as error:
        yield Check(subject, "problem", str(error), "" if variable in str(error).split() else f"check {variable}")
        return
    connection.close()
    message = f"{server.address}: connected, {f'login of {server.user} accepted' if server.user else 'no login'}"
    if offer is None:
        yield Check(subject, "warning", f"{message}, but a connection before failed: {failure}", "try again")
        return
    yield Check(subject, "ok", message)
    yield check_encryption(subject, name, server, offer)
    yield _extensions(subject, offer)


def check_encryption(subject: str, name: str, server: SmtpServer, offer: Offer) -> Check:
    """Whether what goes there can be read on its way, and for how long the certificate holds."""
    subject = f"{subject}: TLS"
    if server.security == "plain":
        if server.is_loopback:
            return Check(subject, "ok", "none, and none needed on this machine")
        better = (
            "smtp+starttls://" if "STARTTLS" in offer.extensions else "smtps://, or smtp+starttls:// if it has that"
        )
        return Check(
            subject, "warning", "mail crosses the network unencrypted", f"use {better} in {server_variable(name)}"
        )
    ends = offer.certificate_ends
    if ends and ends - utc_now() < _EXPIRES_SOON:
        return Check(
            subject, "warning", f"its certificate ends on {ends:%Y-%m-%d}", "have it renewed, or sending stops"
        )
    return Check(subject, "ok", f"certificate valid until {ends:%Y-%m-%d}" if ends else "certificate valid")


def server_variable(name: str) -> str:
    """The setting that names a server's address."""
    return "DRIPS_SMTP_URL" if name == "default" else variable_of("SMTP_URL", name)


def ask_for_offer(server: SmtpServer, timeout: float = _SECONDS) -> Offer:
    """Connect, secure the connection as the settings say, and hear what the server offers; without a login.

    Raises:
        OSError: no connection, or none that is secure.
        smtplib.SMTPException: the server does not answer as one.
    """
    context = ssl.create_default_context()
    own_name = "localhost" if server.is_loopback else None
    if server.security == "tls":
        client = LimitedTLS(
            server.host, server.port, opening=timeout, local_hostname=own_name, timeout=timeout, context=context
        )
    else:
        client = LimitedSMTP(server.host, server.port, opening=timeout, local_hostname=own_name, timeout=timeout)
    with client:
        if server.security == "starttls":
            client.starttls(context=context)
        client.ehlo_or_helo_if_needed()
        extensions = {shown(name.upper()): shown(value) for name, value in client.esmtp_features.items()}
        return Offer(extensions, _end_of_certificate(client))


def _end_of_certificate(client: smtplib.SMTP) -> datetime | None:
    if not isinstance(client.sock, ssl.SSLSocket):
        return None
    not_after = (client.sock.getpeercert() or {}).get("notAfter")
    if not isinstance(not_after, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC).replace(tzinfo=None)


def _extensions(subject: str, offer: Offer) -> Check:
    subject = f"{subject}: extensions"
    offered = [f"{name} {offer.extensions[name]}".strip() for name in _WORTH_KNOWING if name in offer.extensions]
    remarks = []
    if "PIPELINING" not in offer.extensions:
        remarks.append("without PIPELINING every message waits for more replies")
    if "SMTPUTF8" not in offer.extensions:
        remarks.append("without SMTPUTF8 addresses beyond ASCII before the @ can't be mailed")
    message = "; ".join([", ".join(offered) or "none", *remarks])
    size = offer.extensions.get("SIZE", "").strip()
    if size.isdecimal() and 0 < int(size) < _SMALL_SIZE:
        return Check(
            subject, "warning", message, f"it takes no message over {int(size):,} bytes: keep attachments small"
        )
    return Check(subject, "ok", message)
