"""Answering a provider's POST: verify it, keep it as it came, land what it says.

The same for all of them. Whatever a provider sends once it is known to be its own is answered with 200 as soon as it is
on disk, also what can't be read or isn't known: a provider that gets errors tries again for hours, then stops sending.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dagster_drips.clock import format_time
from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.kept_headers import kept_headers
from dagster_drips.collector.webhooks.provider import (
    Event,
    Fact,
    InvalidSignature,
    Provider,
    Stale,
    Unreadable,
    VerificationUnavailable,
    WebhookRequest,
    WebhookVerifier,
)
from dagster_drips.smtp.refusals import blame

_LOG = logging.getLogger(__name__)
_MAY_BE_HARD = frozenset({"address", "policy", "unknown"})
_LONGEST_SHOWN = 80
_RETRY_AFTER = {"Retry-After": "30"}


def route(context: CollectorContext, provider: Provider, verifier: WebhookVerifier | None) -> Route:
    """POST /webhooks/<provider>; `verifier` is None for a provider that isn't set up."""

    async def receive(http_request: Request) -> Response:
        if verifier is None:
            context.metrics.webhook_requests[provider.name, "not_set_up"].inc()
            return PlainTextResponse("Not found\n", 404)
        request = WebhookRequest(await http_request.body(), http_request.headers, context.now())
        try:
            await verifier.verify(request)
            kept = kept_headers(request.headers, provider.kept_headers)
            await context.writer.keep_raw(provider.name, request.body, kept)
            landed = await _land(context, provider, request)
            if verifier.follow_up is not None:
                await verifier.follow_up(request)
        except InvalidSignature as error:
            return _refused(context, provider, verifier, error)
        except Stale as error:
            context.metrics.webhook_requests[provider.name, "stale"].inc()
            _LOG.warning("%s: refused: %s; see DRIPS_WEBHOOK_%s_TOLERANCE", provider.name, error, provider.name.upper())
            return PlainTextResponse("Signed too long ago, or ahead of the clock\n", 401)
        except VerificationUnavailable as error:
            context.metrics.webhook_requests[provider.name, "undecided"].inc()
            _LOG.warning("%s: can't be verified now: %s", provider.name, error)
            return PlainTextResponse("Try again later\n", 503, _RETRY_AFTER)
        context.metrics.webhook_requests[provider.name, "accepted"].inc()
        return JSONResponse({"landed": landed})

    return Route(f"/webhooks/{provider.name}", receive, methods=["POST"])


def _refused(
    context: CollectorContext, provider: Provider, verifier: WebhookVerifier, error: InvalidSignature
) -> Response:
    """401 and never 403 or 406, at which some providers give an event up for good: a key may be fixed in time."""
    context.metrics.webhook_requests[provider.name, "forged"].inc()
    _LOG.info("%s: refused: %s", provider.name, error)
    headers = {"WWW-Authenticate": verifier.challenge} if verifier.challenge else None
    return PlainTextResponse("Not signed by a key that is known here\n", 401, headers)


async def _land(context: CollectorContext, provider: Provider, request: WebhookRequest) -> int:
    """Land the rows of a request's events; how many. Nothing is counted that isn't on disk."""
    rows: list[dict[str, Any]] = []
    outcomes: list[str] = []
    try:
        for event in provider.read(request):
            outcome = _outcome(event)
            outcomes.append(outcome)
            if outcome == "landed":
                rows += _rows(provider.name, event, request)
            elif outcome == "unknown":
                _LOG.info("%s: an event that is not known: %.*r", provider.name, _LONGEST_SHOWN, event.name)
    except Unreadable as error:
        outcomes.append("unreadable")
        _LOG.warning("%s: a request, kept raw, can't be read on: %s", provider.name, error)
    await context.land({"engagement": rows})
    for outcome in outcomes:
        context.metrics.webhook_events[provider.name, outcome].inc()
    return len(rows)


def _outcome(event: Event) -> str:
    if event.facts is None:
        return "unknown"
    if not event.facts:
        return "ignored"
    return "landed" if event.message_id else "unattributed"


def _rows(provider: str, event: Event, request: WebhookRequest) -> Iterator[dict[str, Any]]:
    # A provider's clock that is ahead must not put off what suppresses.
    occurred_at = min(event.occurred_at or request.at, request.at)
    for fact in event.facts or ():
        parts = (provider, event.event_id, fact.type, *((event.topic,) if event.topic else ()))
        row = {
            "engagement_id": ":".join(parts),
            "message_id": event.message_id,
            "type": fact.type,
            "occurred_at": format_time(occurred_at),
            "bounce_class": _bounce_class(fact, event.detail or ""),
            "topic": event.topic,
            "url": event.url,
            "user_agent": event.user_agent,
            "ip": event.ip,
            "detail": event.detail,
        }
        yield {name: value for name, value in row.items() if value is not None}


def _bounce_class(fact: Fact, diagnostic: str) -> str | None:
    """The provider's own class, but for a hard bounce whose diagnostic blames something other than the address (L3).

    What a provider did not even try, from a list of its own, it blames on nobody.
    """
    if fact.bounce_class != "hard" or "suppress" in diagnostic.lower():
        return fact.bounce_class
    return "hard" if blame(None, diagnostic) in _MAY_BE_HARD else "soft"
