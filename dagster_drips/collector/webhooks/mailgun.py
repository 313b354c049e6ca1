"""Mailgun: webhooks (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads).

`DRIPS_WEBHOOK_MAILGUN` is the HTTP webhook signing key. The signature stands in the body and covers a timestamp and a
token, not the event: so a signature that is old, or that came with another body, is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from dagster_drips.collector.webhooks.credentials import same
from dagster_drips.collector.webhooks.payload import (
    at,
    described,
    fingerprint,
    instant,
    object_of,
    our_message_id,
    text,
)
from dagster_drips.collector.webhooks.provider import (
    CLICKED,
    COMPLAINED,
    DEFERRED,
    DELIVERED,
    HARD,
    NOTHING,
    OPENED,
    SOFT,
    UNSUBSCRIBED,
    Event,
    Facts,
    InvalidSignature,
    Provider,
    Setup,
    Unreadable,
    WebhookRequest,
    WebhookVerifier,
    require_fresh,
)
from dagster_drips.message.provider_headers import MESSAGE_ID_KEY

EVENTS: Mapping[str, Facts] = {
    "accepted": NOTHING,
    "stored": NOTHING,
    "delivered": DELIVERED,
    "failed": SOFT,
    "rejected": SOFT,  # by Mailgun: the message's fault, not the address'
    "opened": OPENED,
    "clicked": CLICKED,
    "unsubscribed": UNSUBSCRIBED,
    "complained": COMPLAINED,
}
FAILURE_REASONS: Mapping[str, Facts] = {
    "bounce": HARD,
    "suppress-bounce": HARD,
    "suppress-unsubscribe": SOFT + UNSUBSCRIBED,
    "suppress-complaint": SOFT + COMPLAINED,
}
"""Of `failed` events whose severity is permanent; others are soft but for `BAD_ADDRESS`."""
BAD_ADDRESS = "5.1."
"""Enhanced codes of a mailbox or domain that isn't there (RFC 3463, 3.2)."""

_TOLERANCE = timedelta(minutes=5)
_MOST_SIGNATURES = 10_000


def verifier(setup: Setup) -> WebhookVerifier:
    """The signing key, or several of them."""
    signatures = _Signatures()

    async def verify(request: WebhookRequest) -> None:
        try:
            block = at(request.json, "signature")
        except Unreadable:
            raise InvalidSignature("no JSON, so no signature") from None
        timestamp, token, signature = (text(block, name) or "" for name in ("timestamp", "token", "signature"))
        signed = (timestamp + token).encode()
        expected = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in setup.values]
        if not token or not same(signature, expected):
            raise InvalidSignature("the signature is not Mailgun's")
        require_fresh(request, instant(timestamp), setup.tolerance)
        if not signatures.fits(signature, request.body):
            raise InvalidSignature("the signature came with another body before")

    return WebhookVerifier(verify)


def read(request: WebhookRequest) -> Iterator[Event]:
    """One event, of one message."""
    event = object_of(at(object_of(request.json), "event-data"))
    name = text(event, "event") or ""
    occurred_at = instant(at(event, "timestamp"))
    own_id = text(event, "id")
    status = at(event, "delivery-status")
    yield Event(
        name=name,
        # Unique within a day only, as the events API says.
        event_id=f"{occurred_at:%Y%m%d}-{own_id}" if own_id and occurred_at else fingerprint(event),
        message_id=our_message_id(
            [at(event, "user-variables", MESSAGE_ID_KEY), at(event, "message", "headers", "message-id")]
        ),
        occurred_at=occurred_at,
        facts=_facts(name, event),
        url=text(event, "url"),
        user_agent=text(event, "client-info", "user-agent"),
        ip=text(event, "ip"),
        detail=described(
            text(status, "code"),
            text(status, "enhanced-code"),
            text(status, "message") or text(status, "description") or text(event, "reject", "reason"),
            text(event, "reason"),
        ),
    )


PROVIDER = Provider("mailgun", verifier, read, tolerance=_TOLERANCE)


def _facts(name: str, event: dict[str, Any]) -> Facts | None:
    if name != "failed":
        return EVENTS.get(name)
    if text(event, "severity") == "temporary":
        return DEFERRED
    reason = (text(event, "reason") or "").lower()
    bad_address = (text(event, "delivery-status", "enhanced-code") or "").startswith(BAD_ADDRESS)
    return FAILURE_REASONS.get(reason, HARD if bad_address else SOFT)


class _Signatures:
    """The last signatures and what body each came with; the same body again is a repeated attempt.

    Not the tokens: time and token are signed without a sign between them, so digits can be moved from one to the other.
    """

    def __init__(self) -> None:
        self._bodies: OrderedDict[str, bytes] = OrderedDict()

    def fits(self, signature: str, body: bytes) -> bool:
        digest = hashlib.sha256(body).digest()
        if self._bodies.setdefault(signature, digest) != digest:
            return False
        if len(self._bodies) > _MOST_SIGNATURES:
            self._bodies.popitem(last=False)
        return True
