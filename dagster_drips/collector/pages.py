"""The pages that readers of our mail see: plain HTML that works without scripts, and the headers that go with it.

How a page looks is in `html/`, when one is shown is for the modules with routes to say.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope, Send

_FOLDER = Path(__file__).with_name("html")
_STYLE = (_FOLDER / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}
"""For every answer to a link of ours: its address holds a token, so it must be neither cached nor passed on."""

_PAGE = {
    **PRIVATE,
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
}
_MESSAGE = {
    **PRIVATE,
    # A mail shown as a page: its own styles and pictures, never a script, in an origin of its own.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline' https: http:; img-src https: http: data:; font-src https: http:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
    ),
}
ONLY_IN_THE_MAIL = "only-in-the-mail"
"""Below `/v/`, where a message shown as a page has its reader's own links lead: see `view_message`."""
RETRY_SECONDS = 5
"""What `Retry-After` says when rows can't be kept."""

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any) -> HTMLResponse:
    """One of the pages in `html/`, its values escaped."""
    text = _ENVIRONMENT.get_template(template).render(style=_STYLE, **values)
    return HTMLResponse(text, status_code=status, headers=_PAGE | (headers or {}))


def message_page(html: bytes) -> HTMLResponse:
    """A mail, in UTF-8, as a page."""
    return HTMLResponse(html, headers=_MESSAGE)


class StaticResponse:
    """An answer that is always the same: built once."""

    def __init__(self, response: Response):
        self._start: Message = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
        self._body: Message = {"type": "http.response.body", "body": response.body}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send(self._start)
        await send(self._body)


NO_SUCH_LINK = StaticResponse(page("no_such_link.html", status=404))
"""For a token that we never made, or a part of one."""

NOT_NOW = StaticResponse(page("not_now.html", status=503, headers={"Retry-After": str(RETRY_SECONDS)}, link=None))
"""For a change of preferences that can't be kept now."""
