"""Clients that mean harm, many at a time, and a collector in a process of its own whose memory is measured.

Every attack is bounded by counts: so many connections, so many bytes, so many rounds. Between rounds an honest client
asks, and has to be answered.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagster_drips.project import Project
from tests.collector.collecting import KEY, Served

WRITE_KEY = "a write key of some thirty characters"
LIMIT = 400 * 1024
"""Kilobytes that the collector may take at most, whatever comes."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")


@dataclass(frozen=True)
class Attacked:
    """A collector under attack."""

    pid: int
    web: Served

    def kilobytes(self, figure: str) -> int:
        """`VmHWM` (most so far) or `VmRSS` (now)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split(f"{figure}:")[1].split()[0])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.web.port), timeout=30)


@contextmanager
def attacked(project: Project) -> Generator[Attacked]:
    """`drips collect` in a process of its own, which must still be there at the end and have met no bug."""
    allow_many_files()
    command = [sys.executable, "-m", "dagster_drips", "--project", str(project.root), "collect", "--port", "0"]
    environment = os.environ | {"DRIPS_SECRET_KEYS": KEY, "DRIPS_WRITE_KEYS": WRITE_KEY}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment) as process,
    ):
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split(" for ")[0].rsplit(":", 1)[1])
            web = Served(port)
            until = time.monotonic() + 30
            while True:
                try:
                    web.ask("GET", "/health")
                    break
                except OSError:
                    assert process.poll() is None and time.monotonic() < until
                    time.sleep(0.05)
            yield Attacked(process.pid, web)
            assert process.poll() is None, "the collector is gone"
            process.terminate()
            assert process.wait(timeout=30) == 0
            said.seek(0)
            assert "Traceback" not in said.read()
        finally:
            process.kill()


def allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 20_000)), hard))


@dataclass
class Client:
    """Sends `first`, then `more` again and again up to `most` bytes, as far as it is let."""

    connection: socket.socket
    first: bytes
    more: bytes
    most: int
    reads: bool = False
    sent: int = 0

    def __post_init__(self) -> None:
        self.connection.setblocking(False)
        self._rest = memoryview(self.first or self.more)
        self.is_over = False

    def step(self) -> None:
        """Send what the connection takes now."""
        if self.is_over:
            return
        try:
            for _ in range(8):
                self.sent += (taken := self.connection.send(self._rest))
                self._rest = self._rest[taken:] or memoryview(self.more)
                if self.sent >= self.most or not self._rest:
                    self.is_over = True
                    break
        except BlockingIOError:
            pass
        except OSError:
            self.is_over = True
        if self.reads:
            with contextlib.suppress(OSError):
                self.connection.recv(1 << 20)


def flood(target: Attacked, clients: list[Client], rounds: int, honest: Callable[[], None]) -> None:
    """Let all send, round after round; the honest client asks ten times meanwhile and once after."""
    try:
        for number in range(rounds):
            for client in clients:
                client.step()
            if number % (rounds // 10) == 0:
                honest()
            if all(client.is_over for client in clients):
                break
        honest()
    finally:
        for client in clients:
            client.connection.close()
