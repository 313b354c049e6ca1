"""One HTTP connection: uvicorn's protocol with bounds on what a client may keep us holding, and for how long.

uvicorn parses all that comes, and queues each request that stands behind another one; it gives answers as long as they
take, and waits for any client. Here bytes are parsed in slices and only while no request waits for its turn, everything
that is kept is charged to `memory`, and each state of a connection has a time limit. What is refused here is answered
with ready-made bytes, after the answers that come before it. Limits of bodies by path are in `request_limits`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dagster_drips.collector.memory import MemoryBudget
from dagster_drips.collector.metrics import Metrics
from dagster_drips.collector.pages import RETRY_SECONDS

HEAD_SECONDS = 20.0
"""For the head of a request, and for each step of an answer that is not fetched; looked at as often."""
MAX_HEAD = 64 * 1024
"""Bytes of the first line and the headers."""
MAX_HEADERS = 100
BODY_IS_THERE: dict[str, dict[object, object]] = {"drips.body_is_there": {}}
"""The extension of a request's ASGI scope that says so: `receive` gives all of its body at once."""
_SLICE = 8192
"""Bytes parsed at a time: no more requests than these hold can stand behind one."""
_MAX_ON_THE_WIRE = 3_000_000
"""Bytes of a body as it comes, with what chunks and trailers add; `request_limits` bounds what is in it."""
_REQUEST_BYTES = 6 * 1024
"""What a request takes beside its head and body: its task, frames and scope (5 to 6 KB measured)."""
_HEADER_BYTES = 150
"""What each header takes beside its text."""
_WRITE_HIGH_WATER = 16 * 1024
_LEAST_PROGRESS = 1024


def _ready(status: str, text: str, *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", "content-type: text/plain; charset=utf-8", f"content-length: {len(text)}"]
    return "\r\n".join([*head, "connection: close", *more, "", text]).encode("ascii")


_FULL = _ready("503 Service Unavailable", "too much is in hand", f"retry-after: {RETRY_SECONDS}")
_MALFORMED = _ready("400 Bad Request", "this is not HTTP/1.1")
_LARGE_HEAD = _ready("431 Request Header Fields Too Large", "the head is too large")
_LARGE_BODY = _ready("413 Content Too Large", "the body is too large")


class _Ended(Exception):
    """Stops the parser: what follows is not read."""


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose client can neither fill the memory nor stay for ever.

    The application's lifespan state holds the budget under `memory`; without it each connection has one of its own.
    """

    _active: RequestResponseCycle | None = None
    """The request that is being answered; those behind it are in `pipeline`."""
    _in_body = False
    """Whether the body of the request parsed last is still to come."""
    _begun: float | None = None
    """When the head that is awaited or under way began; None: there is none."""
    _head_bytes = 0
    _piece = 0
    _ended = False
    """Nothing is read any more."""
    _final_answer: bytes | None = None
    """A refusal that is due after the answers before it."""
    _rest = b""
    """Bytes that wait until no request stands behind another."""
    _charged_head = 0
    _charged_answer = 0
    _unsent: int | None = None
    """Bytes of answers that nobody had fetched at the last look."""
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        assert self.parser is not None
        # What comes after a request that closes the connection is not ours to read.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=False)
        self._memory: MemoryBudget = self.app_state.get("memory") or MemoryBudget(Metrics())
        self._charges: dict[RequestResponseCycle, int] = {}

    def connection_made(self, transport: Any) -> None:
        """The first head is awaited from here on."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_WRITE_HIGH_WATER)
        if len(self.connections) > self._memory.max_connections and not self._memory.drop_a_connection():
            self._refuse("full", _FULL)
            return
        self._begun = self.loop.time()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._check_progress)
        self._memory.wait(self, holds=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._ended = True
        if self._active is not None:
            self._active.disconnected = True
            self._active.message_event.set()
        self._give_back(with_active=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes: parse them, or keep them until it is their turn."""
        if self._ended:
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if self.pipeline or self._rest:
            self._keep(data)
        else:
            self._parse(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._begun is None:
            self._begun = self.loop.time()
            self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there: a request."""
        headers = len(self.headers)
        if headers > MAX_HEADERS:
            self._refuse("too_large", _LARGE_HEAD)
            raise _Ended
        charge = _REQUEST_BYTES + 2 * (self._head_bytes or self._piece) + _HEADER_BYTES * headers
        if not self._take(charge):
            raise _Ended
        if self._charged_head:
            self._memory.give(self._charged_head)
            self._charged_head = 0
        self._begun, self._head_bytes = None, 0
        try:
            super().on_headers_complete()
        except Exception:
            # An address that can't be one; the parser takes it for an error of its own, which is answered.
            self._memory.give(charge)
            raise
        self._in_body = True
        self._charges[self.cycle] = charge

    def on_message_complete(self) -> None:
        """All of the request is there."""
        self._in_body = False
        super().on_message_complete()
        self.scope["extensions"] = BODY_IS_THERE

    def on_response_complete(self) -> None:
        """An answer was given; the next request has its turn."""
        self.server_state.total_requests += 1
        self._active = None
        if self.transport.is_closing():
            return
        if self._in_body and self.cycle.response_complete:
            # The rest of a body that nobody wants is not worth reading.
            self._ended = True
            self.transport.close()
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._rest and not self._ended and self._begun is None:
            # Nothing stands behind it: what nearly always is so.
            self.flow.resume_reading()
            self._keep_alive()
            return
        if self._rest and not self.pipeline:
            rest, self._rest = self._rest, b""
            self._memory.give(len(rest))
            self._parse(rest)
        if not self.pipeline and not self._rest and not self._ended:
            self.flow.resume_reading()
        if self._active is not None:
            return
        if self._ended:
            self._close_with(self._final_answer)
            return
        if self._begun is None:
            self._keep_alive()
        else:
            self._memory.wait(self, holds=bool(self._charged_head))

    def pause_writing(self) -> None:
        """The client fetches its answers more slowly than it asks."""
        super().pause_writing()
        size = self.transport.get_write_buffer_size()
        if not self._memory.take(size):
            self.make_room()
        elif self.transport.is_closing():
            self._memory.give(size)
        else:
            self._unsent = self._charged_answer = size
            self._memory.wait(self, holds=True)

    def resume_writing(self) -> None:
        """It has fetched them."""
        super().resume_writing()
        self._memory.give(self._charged_answer)
        self._charged_answer, self._unsent = 0, None
        self._memory.proceed(self)
        if self._active is None:
            self._memory.wait(self, holds=bool(self._charged_head))

    def shutdown(self) -> None:
        """The server stops: who is waited for would make it wait for nothing."""
        if self.flow.write_paused:
            self.transport.abort()
        elif self._active is not None and self._active is self.cycle and self._in_body:
            self._refuse("stopping", _FULL)
        else:
            super().shutdown()

    def make_room(self) -> None:
        """Close, as others need the memory or the connection: who fetches nothing loses the rest of its answer."""
        if self.flow.write_paused or self.transport.is_closing():
            self._ended = True
            self.transport.abort()
        elif self._active is None and not self._charged_head:
            self._ended = True
            self.transport.close()
        else:
            self._refuse("full", _FULL)
        self._give_back(with_active=True)

    def _parse(self, data: bytes) -> None:
        size = len(data)
        if size <= _SLICE:
            self._piece = size
            self._feed(data)
            if self._begun is None and not self._in_body and self._active is not None and not self.pipeline:
                # One whole request: what nearly everybody sends.
                self._memory.proceed(self)
                return
            if not self._ended:
                self._count(size)
                self._wait()
            return
        for at in range(0, size, _SLICE):
            piece = data[at : at + _SLICE]
            self._piece = len(piece)
            self._feed(piece)
            if not self._ended:
                self._count(len(piece))
            if self._ended:
                return
            if self.pipeline:
                if at + _SLICE < size:
                    self._keep(data[at + _SLICE :])
                break
        self._wait()

    def _wait(self) -> None:
        """Say for what this connection waits, where it is for its client."""
        if self._ended:
            return
        if self._begun is not None and self._active is None:
            self._memory.wait(self, holds=bool(self._charged_head))
        elif self._in_body and self.cycle is self._active:
            self._memory.wait(self, holds=True)
        elif not self.flow.write_paused:
            self._memory.proceed(self)

    def _keep_alive(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._memory.wait(self, holds=False)

    def _feed(self, piece: bytes) -> None:
        parser = self.parser
        assert parser is not None
        while piece:
            try:
                parser.feed_data(piece)
            except httptools.HttpParserUpgrade as upgrade:
                # No other protocol is spoken here: the request is answered, and HTTP goes on behind it (RFC 9110, 7.8).
                piece = piece[upgrade.args[0] :]
                continue
            except httptools.HttpParserError:
                if self._ended:
                    return
                if self._active is not None and not self.cycle.keep_alive and not self._in_body:
                    # It said itself that nothing would follow.
                    self._ended = True
                    self._memory.proceed(self)
                    return
                self._refuse("malformed", _MALFORMED)
            return

    def _count(self, size: int) -> None:
        """Charge what a slice has left unfinished."""
        if self._in_body:
            charged = self._charges[self.cycle] + size
            if charged > _MAX_ON_THE_WIRE or len(self.headers) > MAX_HEADERS:
                self._refuse("too_large", _LARGE_BODY)
            elif self._take(size):
                self._charges[self.cycle] = charged
        elif self._begun is not None:
            self._head_bytes += size
            headers = len(self.headers) if self.headers else 0
            if self._head_bytes > MAX_HEAD or headers > MAX_HEADERS:
                self._refuse("too_large", _LARGE_HEAD)
                return
            more = 2 * self._head_bytes + _HEADER_BYTES * headers - self._charged_head
            if more > 0 and self._take(more):
                self._charged_head += more
        elif self._active is None:
            # Line ends between requests are no head, but a wait for one.
            self._begun, self._head_bytes = self.loop.time(), 0

    def _keep(self, data: bytes) -> None:
        self.flow.pause_reading()
        if self._take(len(data)):
            self._rest += data

    def _take(self, size: int) -> bool:
        """Charge bytes; False: this connection has been refused, or has made room itself."""
        taken = self._memory.take(size)
        if taken and not self._ended:
            return True
        if self._ended:
            if taken:
                self._memory.give(size)
            return False
        self._refuse("full", _FULL)
        return False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(partial(self._task_ended, cycle))
        self.tasks.add(task)

    def _task_ended(self, cycle: RequestResponseCycle, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self._memory.give(self._charges.pop(cycle, 0))

    def _refuse(self, reason: str, answer: bytes) -> None:
        """Read no more, and answer so the request that is coming in; those before it get their answers first."""
        self._memory.refused(reason)
        self._ended = True
        self._memory.give(len(self._rest) + self._charged_head)
        self._rest, self._charged_head = b"", 0
        self.flow.pause_reading()
        if self._in_body and self.cycle is self._active:
            if not self.cycle.response_started:
                self.transport.write(answer)
            self._cut_off(self.cycle)
            self.transport.close()
            return
        if self._in_body and self.pipeline:
            unfinished, _ = self.pipeline.popleft()
            self._memory.give(self._charges.pop(unfinished, 0))
        if self._active is None:
            self._close_with(answer)
        else:
            self._final_answer = answer
            self._memory.proceed(self)

    def _close_with(self, answer: bytes | None) -> None:
        if answer is not None:
            self.transport.write(answer)
        self.transport.close()

    def _cut_off(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.body = bytearray()
        cycle.message_event.set()

    def _give_back(self, *, with_active: bool) -> None:
        """Everything charged; what the request being answered holds only as it is cut off, else its task gives it."""
        self._memory.proceed(self)
        size = len(self._rest) + self._charged_head + self._charged_answer
        self._rest, self._charged_head, self._charged_answer = b"", 0, 0
        for cycle in list(self._charges):
            if cycle is not self._active or with_active:
                size += self._charges.pop(cycle)
        self.pipeline.clear()
        self._memory.give(size)

    def _check_progress(self) -> None:
        """Close who makes no progress. One timer a connection and not one a request: cheap, and up to twice as late."""
        if self.transport.is_closing() or self.flow.write_paused:
            unsent = self.transport.get_write_buffer_size()
            if self._unsent is not None and unsent > self._unsent - _LEAST_PROGRESS:
                self._memory.refused("too_slow")
                self.transport.abort()
                return
            self._unsent = unsent
        elif self._begun is not None and self._active is None and self.loop.time() - self._begun >= HEAD_SECONDS:
            self._memory.refused("too_slow")
            self.transport.close()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._check_progress)
