"""smtplib's client with limits: opening a connection ends in time, and reads so much, whatever the server does.

smtplib waits anew for every byte and keeps every line of a reply, so that a server can hold it for days. Only that is
changed here; yagmail opens connections with these classes, and `connections` with yagmail.
"""

from __future__ import annotations

import smtplib
import socket
import time
from typing import Any

_MOST_BYTES = 65_536
_CHUNK = 4_096


class UnsolicitedReply(smtplib.SMTPException):
    """The server spoke before it was asked: what it says next could be taken for another answer."""


class _Replies:
    """What smtplib reads lines from, as long as there is time; for one connection, until TLS begins."""

    def __init__(self, connection: socket.socket, deadline: float):
        self._connection = connection
        self._deadline = deadline
        self._heard = bytearray()
        self._left = _MOST_BYTES

    @property
    def is_empty(self) -> bool:
        return not self._heard

    def readline(self, limit: int) -> bytes:
        """A line, or as much of one as the limit allows; empty at the connection's end.

        Raises:
            OSError: it took too long, or the server says too much.
        """
        while (end := self._heard.find(b"\n") + 1) == 0 and len(self._heard) < limit:
            self._connection.settimeout(time_left(self._deadline))
            data = self._connection.recv(_CHUNK)
            self._left -= len(data)
            if self._left < 0:
                raise OSError("its replies have no end")
            if not data:
                break
            self._heard += data
        line = bytes(self._heard[: min(end or limit, limit)])
        del self._heard[: len(line)]
        return line

    def close(self) -> None:
        self._heard.clear()


class LimitedSMTP(smtplib.SMTP):
    """An SMTP client that is given so many seconds to be ready.

    Args:
        opening: seconds for connecting, greeting, TLS and login together.
    """

    file: Any = None

    def __init__(self, host: str, port: str | int, *, opening: float, **options: Any):
        self._opened_by = time.monotonic() + opening
        self._replies: _Replies | None = None
        super().__init__(host, int(port), **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """One of the host's addresses, all together no longer than `opening`; smtplib's hook."""
        problem: OSError | None = None
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return socket.create_connection((str(address[0]), port), min(timeout, time_left(self._opened_by)))
            except OSError as error:
                problem = error
        raise problem or OSError("its name has no address")

    def getreply(self) -> tuple[int, bytes]:
        """The next reply (smtplib's own reading), within the time and size that are left."""
        if self.file is None:
            self.refuse_unsolicited()
            assert self.sock is not None, "there is a connection"
            self.file = self._replies = _Replies(self.sock, self._opened_by)
        return super().getreply()

    def refuse_unsolicited(self) -> None:
        """Refuse what nobody asked for: sent in clear before TLS, or behind the answer to the login.

        Raises:
            UnsolicitedReply: the server has sent more than replies to what was said.
        """
        if self._replies is not None and not self._replies.is_empty:
            raise UnsolicitedReply("it spoke before it was asked")


class LimitedTLS(smtplib.SMTP_SSL, LimitedSMTP):
    """The same over TLS from the first byte."""

    def __init__(self, host: str, port: str | int, *, opening: float, **options: Any):
        self._opened_by = time.monotonic() + opening
        self._replies = None
        smtplib.SMTP_SSL.__init__(self, host, int(port), **options)


def time_left(deadline: float) -> float:
    """Seconds until then.

    Raises:
        TimeoutError: it is past.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
