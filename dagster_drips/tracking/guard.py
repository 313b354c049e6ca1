"""What no request may do to the collector: send too much, too slowly, or see a traceback.

Two parts: `Guard` is for requests (bodies), `PatientProtocol` for connections (heads of requests).
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dagster_drips.tracking.counters import Counters
from dagster_drips.tracking.pages import Ready

MAX_BODY = 1_000_000
"""Bytes of a request's body, as they come over the network."""
BODY_SECONDS = 20.0
HEAD_SECONDS = 20.0
_MAX_HEAD = 64 * 1024
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
_CLOSE = {"Connection": "close"}
_TOO_LARGE = Ready(JSONResponse({"error": f"the body is larger than {MAX_BODY} bytes"}, 413, headers=_CLOSE))
_TOO_SLOW = Ready(JSONResponse({"error": "the body came too slowly"}, 408, headers=_CLOSE))


class Guard:
    """Reads bodies before the application sees the request, so that no handler waits for a slow client.

    Args:
        app: what is guarded.
        counters: told of refused bodies.
        max_body: bytes; a larger body is answered 413 before it is read to its end.
        body_seconds: a body that takes longer is answered 408.
    """

    def __init__(
        self, app: ASGIApp, counters: Counters, *, max_body: int = MAX_BODY, body_seconds: float = BODY_SECONDS
    ):
        self._app = app
        self._counters = counters
        self._max_body = max_body
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        length = next((value for name, value in scope["headers"] if name == b"content-length"), None)
        if length is not None and int(length) > self._max_body:
            await self._refuse("too_large", _TOO_LARGE, scope, receive, send)
            return
        first = await self._within_time(receive)
        if first is None:
            await self._refuse("too_slow", _TOO_SLOW, scope, receive, send)
            return
        if first["type"] == "http.disconnect":
            return
        body: bytes = first.get("body", b"")
        if len(body) > self._max_body:
            await self._refuse("too_large", _TOO_LARGE, scope, receive, send)
            return
        given = False

        async def replayed() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replayed, send)

    async def _within_time(self, receive: Receive) -> Message | None:
        """The whole body as one message, a disconnect, or None after too long."""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await self._whole(receive)
        except TimeoutError:
            return None

    async def _whole(self, receive: Receive) -> Message:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return message
        pieces = [message.get("body", b"")]
        size = len(pieces[0])
        while message.get("more_body") and size <= self._max_body:
            message = await receive()
            if message["type"] == "http.disconnect":
                return message
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        return {"type": "http.request", "body": b"".join(pieces)}

    async def _refuse(self, reason: str, answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._counters.add("refused_bodies", reason=reason)
        await answer(scope, receive, send)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to patience: the head of the first request has to come in time and in size.

    Later requests of a connection wait under uvicorn's own keep-alive limit.
    """

    _begun: float | None = None
    """When the head that is awaited or under way began; None: there is none."""
    _head_bytes = 0
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """The first head is awaited from here on."""
        super().connection_made(transport)
        self._begun = self.loop.time()
        self._clock = self.loop.call_later(HEAD_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        if self._clock is not None:
            self._clock.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, as long as a head does not grow without end."""
        if self._begun is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD and self._head_bytes > len(data):
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._begun is None:
            self._begun = self.loop.time()
            self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._begun = None
        super().on_headers_complete()

    def _look(self) -> None:
        """One timer a connection and not one a request: it costs next to nothing, and patience ends a bit later."""
        if self.transport.is_closing():
            return
        if self._begun is not None and self.loop.time() - self._begun >= HEAD_SECONDS:
            self.transport.close()
            return
        self._clock = self.loop.call_later(HEAD_SECONDS, self._look)
