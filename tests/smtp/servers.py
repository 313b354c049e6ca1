"""Real SMTP servers on 127.0.0.1 for the tests: a polite one with a script, and one that talks raw bytes."""

import contextlib
import socket
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

from dagster_drips.smtp.sink import LoopbackController


class ScriptedServer:
    """An aiosmtpd server; `on_mail`, `on_rcpt` and `on_data` give a reply, or None to accept."""

    def __init__(self, *, on_mail=None, on_rcpt=None, on_data=None, **options):
        self.messages: list[EmailMessage] = []
        self.contents: list[bytes] = []
        self._on_mail, self._on_rcpt, self._on_data = on_mail, on_rcpt, on_data
        self.controller = LoopbackController(self, **options)

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if reply := self._on_mail and self._on_mail(address):
            return reply
        envelope.mail_from = address
        return "250 2.1.0 fine"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if reply := self._on_rcpt and self._on_rcpt(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        if reply := self._on_data and self._on_data(envelope):
            return reply
        self.contents.append(envelope.content)
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 2.0.0 queued"

    @property
    def accepted(self) -> list[str]:
        return [message["X-Drips-Message-Id"] for message in self.messages]

    @property
    def url(self) -> str:
        return self.controller.url

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()


class SmtpSession:
    """The server's side of one connection."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self._file = connection.makefile("rb")

    def say(self, line: str) -> None:
        self.connection.sendall(line.encode() + b"\r\n")

    def hear(self) -> str:
        return self._file.readline().decode("utf-8", "replace").strip()

    def hear_body(self) -> bytes:
        lines = []
        while (line := self._file.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def greet(self) -> None:
        self.say("220 rude.example")
        self.hear()
        self.say("250 rude.example")

    def until_data(self) -> None:
        """MAIL, RCPT and DATA, all accepted."""
        for reply in ("250 ok", "250 ok", "354 go on"):
            self.hear()
            self.say(reply)


class RawServer:
    """Plays a script for each connection; `script(session, number)`, number counts connections from 1."""

    def __init__(self, script: Callable[[SmtpSession, int], None]):
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection, self.connections), daemon=True).start()

    def _talk(self, connection: socket.socket, number: int):
        with connection, contextlib.suppress(OSError):
            self._script(SmtpSession(connection), number)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
