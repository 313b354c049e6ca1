"""Links of a message that somebody follows: the open pixel, clicks, and the message in a browser.

`links.message_links` makes their addresses. A token that we did not make, or made for another purpose, gets a plain
page and leads nowhere. Unsubscribing, preferences and confirmation are in `preferences.handlers`.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from itertools import count
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.links.viewing import Viewer
from dagster_drips.collector.pages import (
    NO_SUCH_LINK,
    ONLY_IN_THE_MAIL,
    PRIVATE,
    RETRY_SECONDS,
    StaticResponse,
    message_page,
    page,
)
from dagster_drips.landing.writer.writer import LandingUnavailable
from dagster_drips.links.tokens import BadToken, Purpose, Tokens

_GIF = base64.b64decode("R0lGODlhAQABAPAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
_PIXEL = StaticResponse(Response(_GIF, media_type="image/gif", headers={"Cache-Control": "no-store"}))
_REDIRECT = [*Response(status_code=302, headers=PRIVATE).raw_headers]
_NO_PIXEL = StaticResponse(Response(status_code=503, headers={**PRIVATE, "Retry-After": str(RETRY_SECONDS)}))
_NO_VIEW = StaticResponse(page("no_view.html", status=404))
_ONLY_IN_THE_MAIL = StaticResponse(page("only_in_the_mail.html"))
_URL_CHARACTERS = ":/%#?=@[]!$&'()*+,;~"
_LONGEST_AGENT = 1000
_PROCESS = token_hex(8)
_NUMBERS = count()


def routes(context: CollectorContext) -> list[Route]:
    """What links lead to; without keys nothing can be signed by us, so no link leads anywhere."""
    if context.tokens is None:
        return []
    return [
        Route("/o/{token}.gif", _Pixel(context, context.tokens), methods=["GET", "HEAD"]),
        Route("/c/{message}/{url}", _Click(context, context.tokens), methods=["GET", "HEAD"]),
        Route(f"/v/{ONLY_IN_THE_MAIL}", _ONLY_IN_THE_MAIL, methods=["GET", "HEAD"]),
        Route("/v/{token}", _View(context, context.tokens), methods=["GET", "HEAD"]),
    ]


def engagement(context: CollectorContext, scope: Scope, *, message_id: str, type: str, **more: Any) -> dict[str, Any]:
    """A row about a message, with who asked (user agent, address) and an `engagement_id` of its own."""
    headers = scope["headers"]
    agent = purpose = None
    for name, value in headers:
        if name == b"user-agent":
            agent = value
        elif name == b"sec-purpose":
            purpose = value
    row = {
        "engagement_id": f"{_PROCESS}{next(_NUMBERS):016x}",
        "message_id": message_id,
        "type": type,
        "occurred_at": context.time,
    }
    if agent:
        row["user_agent"] = agent[:_LONGEST_AGENT].decode("latin-1")
    if purpose:
        row["detail"] = "sec-purpose: " + purpose[:_LONGEST_AGENT].decode("latin-1")
    if scope["client"]:
        row["ip"] = scope["client"][0]
    return row | more


def refuse(context: CollectorContext, link: str) -> ASGIApp:
    """The answer to a token that is not ours, counted."""
    context.metrics.bad_tokens[link].inc()
    return NO_SUCH_LINK


class LinkHandler(ABC):
    """Answers one kind of link, as an ASGI application: Starlette's way by functions costs more than the answer."""

    def __init__(self, context: CollectorContext, tokens: Tokens):
        self._context = context
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(scope, receive)
        await response(scope, receive, send)

    @abstractmethod
    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        """What answers it."""


class _Pixel(LinkHandler):
    """GET records an open; every one is a fact of its own."""

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        try:
            message_id = self._tokens.read_message(scope["path_params"]["token"], Purpose.OPEN)
        except BadToken:
            return refuse(self._context, "open")
        if scope["method"] == "GET":
            row = engagement(self._context, scope, message_id=message_id, type="opened")
            try:
                await self._context.land({"engagement": [row]})
            except LandingUnavailable:
                self._context.metrics.unavailable.inc()
                return _NO_PIXEL
        return _PIXEL


class _Click(LinkHandler):
    """GET records a click and leads on; HEAD, which scanners and previews use, records nothing."""

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        params = scope["path_params"]
        try:
            message_id = self._tokens.read_message(params["message"], Purpose.CLICK)
            url = self._tokens.read_url(params["url"])
        except BadToken:
            return refuse(self._context, "click")
        location = quote(url, safe=_URL_CHARACTERS)
        if scope["method"] == "GET":
            row = engagement(self._context, scope, message_id=message_id, type="clicked", url=url)
            try:
                await self._context.land({"engagement": [row]})
            except LandingUnavailable:
                # The click is lost, the reader is not: this page leads on.
                self._context.metrics.unavailable.inc()
                headers = {"Retry-After": str(RETRY_SECONDS)}
                return page("not_now.html", status=503, headers=headers, link=location)
        return _Redirect(location)


class _Redirect:
    """302, its headers made once but for where it leads."""

    def __init__(self, location: str):
        self._location = location.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*_REDIRECT, (b"location", self._location)]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


class _View(LinkHandler):
    """The message as it was sent, in a browser; nothing is recorded."""

    def __init__(self, context: CollectorContext, tokens: Tokens):
        super().__init__(context, tokens)
        self._viewer = Viewer(context.project)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        try:
            message_id = self._tokens.read_message(scope["path_params"]["token"], Purpose.VIEW)
        except BadToken:
            return refuse(self._context, "view")
        html = await self._viewer.html(message_id)
        self._context.metrics.views["no" if html is None else "yes"].inc()
        return _NO_VIEW if html is None else message_page(html)
