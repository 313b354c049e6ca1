"""A network's latency before a mail server: every reply comes some milliseconds late, pipelined ones together.

`python delay.py SERVER_PORT MILLISECONDS` prints the port it listens on and relays until it is ended. What goes to
the server passes at once; what comes back waits, counted from when the server gave it. Commands sent together so cost
one wait, and commands sent one after another's reply cost one each, as over a network.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque


class Side(asyncio.Protocol):
    """One of the two connections of a relayed session."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._waiting: deque[bytes] = deque()
        self._ended = False
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._delay:
            self._waiting.append(data)
            asyncio.get_running_loop().call_later(self._delay, self._pass_on)
        else:
            self._hand_over(data)

    def _pass_on(self) -> None:
        # Timers of the same instant may fire in any order; the queue keeps the bytes in theirs.
        self._hand_over(self._waiting.popleft())
        if self._ended and not self._waiting:
            self._close_other()

    def _hand_over(self, data: bytes) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        if not self._waiting:
            self._close_other()

    def _close_other(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()


class ClientSide(Side):
    """The connection that a client opened; its server's is opened then."""

    def __init__(self, server_port: int, delay: float) -> None:
        super().__init__(0)
        self._server_port = server_port
        self._reply_delay = delay
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport
        self.transport.pause_reading()
        self._opening = asyncio.get_running_loop().create_task(self._open_server())

    async def _open_server(self) -> None:
        loop = asyncio.get_running_loop()
        server_side = Side(self._reply_delay)
        server_side.other = self
        await loop.create_connection(lambda: server_side, "127.0.0.1", self._server_port)
        self.other = server_side
        assert self.transport
        if self._ended:
            self._close_other()
        else:
            self.transport.resume_reading()


async def relay(server_port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ClientSide(server_port, delay), "127.0.0.1", 0, backlog=1_024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), float(sys.argv[2]) / 1_000))
