"""A mail server as a setting names it: how it is secured, where it is, whom to log in as.

Only the types: `settings` reads them, `smtp` and `inbox` connect.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

Security = Literal["plain", "starttls", "tls"]


@dataclass(frozen=True)
class MailServer:
    """One mail server, and whom to log in as.

    `user` and `password` are None where the server wants no login.
    """

    security: Security
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """`host:port`, for messages to people."""
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is this machine, so that nothing crosses a network."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True)
class SmtpServer(MailServer):
    """One to hand messages to."""


@dataclass(frozen=True)
class ImapServer(MailServer):
    """One that keeps the mailbox to which bounces and answers come; it always wants a login."""
