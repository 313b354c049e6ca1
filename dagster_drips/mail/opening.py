"""Opening connections beside the sending: connecting, TLS and login wait for a server, sending must not.

Only that: how one connection is opened is `transport`'s, how many there are is `crew`'s.
"""

from __future__ import annotations

import socket
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

from dagster_drips.mail.transport import Connection

Tag = TypeVar("Tag")

_AT_ONCE = 8


class Openers(Generic[Tag]):
    """Threads that open connections, and a file descriptor that can be read from when one is done."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="drips-connect")
        self._done: deque[tuple[Tag, Connection, BaseException | None]] = deque()
        self._bell, self._doorway = socket.socketpair()
        self._bell.setblocking(False)
        self._doorway.setblocking(False)

    def fileno(self) -> int:
        """For `selectors`."""
        return self._doorway.fileno()

    def open(self, connection: Connection, tag: Tag) -> None:
        """Begin to open a connection; `opened` tells how it went."""
        self._threads.submit(connection.open).add_done_callback(partial(self._knock, tag, connection))

    def opened(self) -> list[tuple[Tag, Connection, BaseException | None]]:
        """What is done since it was last asked: the tag, the connection, and the error where it could not be opened."""
        with suppress(BlockingIOError):
            self._doorway.recv(4096)
        done = []
        while self._done:
            done.append(self._done.popleft())
        return done

    def close(self) -> None:
        """Wait for what is being opened, and let go of it."""
        self._threads.shutdown(wait=True)
        for _, connection, _ in self._done:
            connection.drop()
        self._bell.close()
        self._doorway.close()

    def _knock(self, tag: Tag, connection: Connection, future: Future[None]) -> None:
        """Called by the thread that is done."""
        self._done.append((tag, connection, future.exception()))
        with suppress(OSError):  # full: somebody knocked before; closed: nobody is at home any more
            self._bell.send(b"!")
