"""From a path to its route without trying all of them.

Starlette tries its routes one after the other, inside of its middleware; for the few microseconds that a pixel takes
this counts, and a flood of requests for nothing would try them all. What is not found here is left to Starlette.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dagster_drips.landing.writer.writer import LandingUnavailable


class Router:
    """Routes by the first part of their path.

    Args:
        app: answers what has no route here, and knows the application's life.
        routes: in order; those that begin with a parameter are left to `app`.
        not_now: answers a request whose rows can't be kept. Nothing was answered by then: handlers land first.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[BaseRoute],
        not_now: Callable[[Request, Exception], Awaitable[Response]],
    ):
        self._app = app
        self._not_now = not_now
        self._routes: dict[str, list[Route]] = {}
        for route in routes:
            if isinstance(route, Route):
                self._routes.setdefault(_first_part(route.path), []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            for route in self._routes.get(_first_part(scope["path"]), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    try:
                        await route.app(scope, receive, send)
                    except LandingUnavailable as error:
                        response = await self._not_now(Request(scope), error)
                        await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _first_part(path: str) -> str:
    return path[1:].partition("/")[0]
