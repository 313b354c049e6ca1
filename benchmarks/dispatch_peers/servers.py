"""The mail server that discards, and the latency before it: processes of their own, ended when their block ends."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
_MOST_CONNECTIONS = 512
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"
_PATIENCE_SECONDS = 10.0


def smtp_tool(name: str) -> str:
    """The path of `smtp-sink` or `smtp-source`."""
    path = shutil.which(name) or shutil.which(name, path=_SYSTEM_FOLDERS)
    if path is None:
        raise SystemExit(f"{name} is missing: install Debian's package postfix (its own daemon is not needed)")
    return path


@contextmanager
def smtp_sink() -> Generator[int]:
    """A sink on loopback; gives its port."""
    port = _free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []  # it refuses to run as root
    command = [smtp_tool("smtp-sink"), "-4", *user, "-m", str(_MOST_CONNECTIONS), f"127.0.0.1:{port}", "1024"]
    with _running(command, stdout=subprocess.DEVNULL) as sink:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if sink.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"smtp-sink does not answer: {' '.join(command)}") from None
                time.sleep(0.02)
        yield port


@contextmanager
def delayed(server_port: int, milliseconds: float) -> Generator[int]:
    """The same server with every reply late; gives the port to talk to."""
    command = [sys.executable, str(HERE / "delay.py"), str(server_port), str(milliseconds)]
    with _running(command, stdout=subprocess.PIPE) as relay:
        assert relay.stdout
        line = relay.stdout.readline()
        if not line.strip().isdigit():
            raise SystemExit("the delaying relay did not start")
        yield int(line)


@contextmanager
def _running(command: list[str], *, stdout: int) -> Generator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
