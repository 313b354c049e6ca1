"""A mail server on this machine that keeps every message as a file: for the demo, previews and tests only."""

from __future__ import annotations

import re
import secrets
import socket
from email.parser import BytesHeaderParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class LoopbackController(Controller):
    """An aiosmtpd server in a thread of its own, on 127.0.0.1 and a port that the system chose.

    Args:
        handler: aiosmtpd's handler object.
        options: further options of aiosmtpd's Controller.
    """

    def __init__(self, handler: object, **options: Any):
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        super().__init__(handler, hostname="127.0.0.1", port=self._socket.getsockname()[1], **options)

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self._socket, ssl=self.ssl_context)

    @property
    def url(self) -> str:
        """What `DRIPS_SMTP_URL` would say."""
        return f"smtp://127.0.0.1:{self.port}"


class MailSink:
    """Catches mail while it is entered; each message is `<message_id>.eml` in the folder, complete once it is there.

    A message that comes again is kept as `<message_id>.2.eml`, so that no doubling goes unseen.

    Args:
        folder: where the messages go, such as `project.outbox`; made if it is missing.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._controller = LoopbackController(self)

    @property
    def url(self) -> str:
        """What `DRIPS_SMTP_URL` would say."""
        return self._controller.url

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep one message; aiosmtpd's hook."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        self._keep(content)
        return "250 2.0.0 kept"

    def _keep(self, content: bytes) -> None:
        named = BytesHeaderParser().parsebytes(content)["X-Drips-Message-Id"] or secrets.token_hex(16)
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", str(named))[:100]
        hidden = self._folder / f".{stem}.{secrets.token_hex(4)}"
        hidden.write_bytes(content)
        number = 1
        target = self._folder / f"{stem}.eml"
        while target.exists():
            number += 1
            target = self._folder / f"{stem}.{number}.eml"
        hidden.replace(target)
