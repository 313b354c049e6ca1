"""Ports that commands listen on: whether one can be had, and a free one.

Here belongs the look before a server starts, so that a port that is taken is told in one line.
"""

from __future__ import annotations

import socket

from dagster_drips.errors import DripsError


def free_port(host: str, port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        DripsError: it can't be had.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[1]
    except OSError as error:
        raise DripsError(f"can't listen on {host}:{port}: {error.strerror or error}") from error
