"""Unsubscribing in one click or on a page, preferences by topic, and confirming an address.

A GET shows a page and changes nothing, since mail scanners follow links; a POST is a request of the reader, or of their
mail program (RFC 8058), and becomes a row. What that leads to is decided by rule L3, for confirmations by E3. Names of
topics are in `topics`.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs

from anyio import to_thread
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope

from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.links.engagement import LinkHandler, engagement, refuse
from dagster_drips.collector.pages import NOT_NOW, page
from dagster_drips.collector.preferences.topics import Topics
from dagster_drips.landing.writer.writer import LandingUnavailable
from dagster_drips.links.tokens import BadToken, Purpose, Tokens

_TYPES = {
    "unsubscribe": "unsubscribed",
    "resubscribe": "resubscribed",
    "unsubscribe_all": "unsubscribed",
    "resubscribe_all": "resubscribed",
}
MAX_BODIES = {"u": 16_000, "p": 128_000}
"""Bytes of a body by the first part of its path: a button, or ticked topics."""
_MOST_TOPICS = 200
_LONGEST_TOPIC = 200


def routes(context: CollectorContext) -> list[Route]:
    """Unsubscribe, preferences and confirmation; none without keys."""
    if context.tokens is None:
        return []
    methods = ["GET", "HEAD", "POST"]
    return [
        Route("/u/{token}", _Unsubscribe(context, context.tokens), methods=methods),
        Route("/p/{token}", _Preferences(context, context.tokens), methods=methods),
        Route("/confirm/{token}", _Confirmation(context, context.tokens), methods=methods),
    ]


class _Unsubscribe(LinkHandler):
    """POST unsubscribes from all, whatever its body says: one click is about the sender, not about a topic."""

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        token = scope["path_params"]["token"]
        try:
            message_id = self._tokens.read_message(token, Purpose.UNSUBSCRIBE)
        except BadToken:
            return refuse(self._context, "unsubscribe")
        preferences = f"../p/{self._tokens.message(message_id, Purpose.PREFERENCES)}"
        if scope["method"] != "POST":
            return page("unsubscribe.html", unsubscribe=token, preferences=preferences)
        if not await _kept(self._context, [_preference(self._context, scope, message_id, "unsubscribed", None)]):
            return NOT_NOW
        return page("unsubscribed.html", preferences=preferences)


class _Preferences(LinkHandler):
    """One request a POST: topics to stop or to get again, or all.

    The page ticks nothing beforehand: the collector does not know what was chosen before, and a wrong tick that is
    sent along would undo an earlier choice.
    """

    def __init__(self, context: CollectorContext, tokens: Tokens):
        super().__init__(context, tokens)
        self._topics = Topics(context.project)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        token = scope["path_params"]["token"]
        try:
            message_id = self._tokens.read_message(token, Purpose.PREFERENCES)
        except BadToken:
            return refuse(self._context, "preferences")
        if scope["method"] != "POST":
            return await self._page(token)
        form = await _form(Request(scope, receive))
        choice = next(iter(form.get("wish", ())), "")
        if choice not in _TYPES:
            return await self._page(token, problem="Please choose what you want, and use a button of this page.")
        topics = [] if choice.endswith("_all") else sorted(set(form.get("topic", ())))
        if not topics and not choice.endswith("_all"):
            return await self._page(token, problem="Please tick at least one topic.")
        if len(topics) > _MOST_TOPICS or any(len(topic) > _LONGEST_TOPIC for topic in topics):
            return await self._page(token, problem="These are not topics of ours.")
        of_type = _TYPES[choice]
        rows = [_preference(self._context, scope, message_id, of_type, topic) for topic in topics or [None]]
        if not await _kept(self._context, rows):
            return NOT_NOW
        return page("preferences_kept.html", topics=topics, resubscribed=of_type == "resubscribed", preferences=token)

    async def _page(self, token: str, *, problem: str | None = None) -> ASGIApp:
        topics = await to_thread.run_sync(self._topics.names)
        return page(
            "preferences.html", status=400 if problem else 200, topics=topics, problem=problem, preferences=token
        )


class _Confirmation(LinkHandler):
    """POST confirms that the address is the reader's and wants mail (double opt-in)."""

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        token = scope["path_params"]["token"]
        try:
            message_id = self._tokens.read_message(token, Purpose.CONFIRM)
        except BadToken:
            return refuse(self._context, "confirm")
        if scope["method"] != "POST":
            return page("confirm.html", confirm=token)
        if not await _kept(self._context, [_preference(self._context, scope, message_id, "confirmed", None)]):
            return NOT_NOW
        preferences = f"../p/{self._tokens.message(message_id, Purpose.PREFERENCES)}"
        return page("confirmed.html", preferences=preferences)


def _preference(
    context: CollectorContext, scope: Scope, message_id: str, of_type: str, topic: str | None
) -> dict[str, Any]:
    """A row; the same request within one second is the same fact.

    Not within longer: unsubscribed, resubscribed and unsubscribed again in a minute must end unsubscribed.
    """
    row = engagement(context, scope, message_id=message_id, type=of_type)
    if topic is not None:
        row["topic"] = topic
    second = row["occurred_at"][:19]
    key = "\n".join((message_id, of_type, topic or "", second))
    row["engagement_id"] = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
    return row


async def _kept(context: CollectorContext, rows: list[dict[str, Any]]) -> bool:
    try:
        await context.land({"engagement": rows})
    except LandingUnavailable:
        context.metrics.unavailable.inc()
        return False
    context.metrics.preferences[rows[0]["type"]].inc(len(rows))
    return True


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields of a form as browsers send it; of anything else, none."""
    body = await request.body()
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=_MOST_TOPICS + 10)
    except ValueError:
        return {}
