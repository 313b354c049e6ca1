"""Opening connections beside the sending: connecting, TLS and login wait for a server, sending must not.

Only that: how one connection is opened is in `connections`, how many there are in `delivery.connection_pool`.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

from dagster_drips.smtp.connections import Connection

Tag = TypeVar("Tag")

_AT_ONCE = 8


class Connector(Generic[Tag]):
    """Threads that open connections, and a file descriptor that can be read from when one is done.

    A run doesn't end later for a server that is slow to accept: threads that are busy when it ends go on with their
    connection until its deadline, and keep no process alive.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: deque[tuple[Tag, Connection]] = deque()
        self._done: deque[tuple[Tag, Connection, BaseException | None]] = deque()
        self._busy = 0
        self._closed = False
        self._wakeup_sender, self._wakeup_receiver = socket.socketpair()
        self._wakeup_sender.setblocking(False)
        self._wakeup_receiver.setblocking(False)

    def fileno(self) -> int:
        """For `selectors`."""
        return self._wakeup_receiver.fileno()

    def open(self, connection: Connection, tag: Tag) -> None:
        """Begin to open a connection; `opened` reports the result."""
        with self._lock:
            self._wanted.append((tag, connection))
            if self._busy >= _AT_ONCE:
                return
            self._busy += 1
        threading.Thread(target=self._work, name="drips-connect", daemon=True).start()

    def opened(self) -> list[tuple[Tag, Connection, BaseException | None]]:
        """What is done since it was last asked: the tag, the connection, and the error where it could not be opened."""
        with suppress(BlockingIOError):
            self._wakeup_receiver.recv(4096)
        done = []
        while self._done:
            done.append(self._done.popleft())
        return done

    def close(self) -> None:
        """Drop what is open, and wait for nothing."""
        with self._lock:
            self._closed = True
            self._wanted.clear()
            self._wakeup_sender.close()
            self._wakeup_receiver.close()
        while self._done:
            self._done.popleft()[1].drop()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._busy -= 1
                    return
                tag, connection = self._wanted.popleft()
            self._finish(tag, connection, _problem_of(connection))

    def _finish(self, tag: Tag, connection: Connection, problem: BaseException | None) -> None:
        with self._lock:
            if self._closed:
                connection.drop()
                return
            self._done.append((tag, connection, problem))
            with suppress(OSError):  # full: a wakeup is waiting already
                self._wakeup_sender.send(b"!")


def _problem_of(connection: Connection) -> BaseException | None:
    try:
        connection.open()
    except BaseException as error:  # reported by `opened`, whatever it is
        return error
    return None
