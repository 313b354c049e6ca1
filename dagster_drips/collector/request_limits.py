"""Limits of a request's body: its size, and the time until it is there.

The application reads a body when it wants it, so a request without a route or a key is answered before its body is
there. How much all of them may take together, and what a connection may do, is in `connection` and `memory`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagster_drips.collector.connection import BODY_IS_THERE
from dagster_drips.collector.metrics import Metrics
from dagster_drips.collector.pages import RETRY_SECONDS, StaticResponse

MAX_BODY = 1_000_000
"""Bytes of a request's body, as they come over the network."""
BODY_SECONDS = 20.0
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
_CLOSE = {"Connection": "close"}
_STOPPING = StaticResponse(
    JSONResponse({"error": "the collector is stopping"}, 503, headers=_CLOSE | {"Retry-After": str(RETRY_SECONDS)})
)


class _NoBody(Exception):
    """The body is refused and answered, or the client is gone; ends the handler that asked for it."""


class RequestLimits:
    """Gives bodies to the application whole, or not at all.

    Args:
        app: what answers requests within the limits.
        metrics: counts refused bodies.
        max_body: bytes; a larger body is answered 413 before it is read to its end.
        max_bodies: the same for paths by their first part, where it is another.
        body_seconds: a body that takes longer is answered 408.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        *,
        max_body: int = MAX_BODY,
        max_bodies: Mapping[str, int] | None = None,
        body_seconds: float = BODY_SECONDS,
    ):
        self._app = app
        self._metrics = metrics
        self._max_body = max_body
        self._max_bodies = max_bodies or {}
        self._body_seconds = body_seconds
        self._too_slow = StaticResponse(JSONResponse({"error": "the body came too slowly"}, 408, headers=_CLOSE))
        self._too_large = {most: _too_large(most) for most in (max_body, *self._max_bodies.values())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if scope["method"] in _WITHOUT_BODY:
                await self._app(scope, receive, send)
            else:
                await self._with_body(scope, receive, send)
        except asyncio.CancelledError:
            # The server stops and has waited long enough; an answer that was begun can't be another one any more.
            with contextlib.suppress(RuntimeError):
                await _STOPPING(scope, receive, send)

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = self._max_bodies.get(scope["path"][1:].partition("/")[0], self._max_body)
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if length.isdigit() and int(length[:20]) > most:
            await self._refuse("too_large", self._too_large[most], scope, receive, send)
            return
        is_over = False

        async def whole() -> Message:
            nonlocal is_over
            reason, answer = "too_large", self._too_large[most]
            if scope.get("extensions") is BODY_IS_THERE:
                message = await self._whole(receive, most)
            else:
                try:
                    async with asyncio.timeout(self._body_seconds):
                        message = await self._whole(receive, most)
                except TimeoutError:
                    message, reason, answer = None, "too_slow", self._too_slow
            if message is None or message["type"] == "http.disconnect":
                is_over = True
                if message is None:
                    await self._refuse(reason, answer, scope, receive, send)
                raise _NoBody
            return message

        async def unless_over(message: Message) -> None:
            if not is_over:
                await send(message)

        with contextlib.suppress(_NoBody):
            await self._app(scope, whole, unless_over)

    async def _whole(self, receive: Receive, most: int) -> Message | None:
        """The whole body as one message, or a disconnect; None where it is larger."""
        message = await receive()
        if message["type"] == "http.disconnect":
            return message
        pieces = [message.get("body", b"")]
        size = len(pieces[0])
        while message.get("more_body") and size <= most:
            message = await receive()
            if message["type"] == "http.disconnect":
                return message
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        if size > most:
            return None
        return {"type": "http.request", "body": pieces[0] if len(pieces) == 1 else b"".join(pieces)}

    async def _refuse(self, reason: str, answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.refused_bodies[reason].inc()
        await answer(scope, receive, send)


def _too_large(most: int) -> StaticResponse:
    return StaticResponse(JSONResponse({"error": f"the body is larger than {most} bytes"}, 413, headers=_CLOSE))
