"""Resend: webhooks (https://resend.com/docs/webhooks/event-types), signed as Svix does.

`DRIPS_WEBHOOK_RESEND` is the signing secret (`whsec_…`): HMAC-SHA256 over `<svix-id>.<svix-timestamp>.<body>`, which
Resend signs anew at each attempt (https://docs.svix.com/receiving/verifying-payloads/how-manual). Events show the
message's own headers, ours among them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from dagster_drips.collector.webhooks.credentials import same
from dagster_drips.collector.webhooks.payload import (
    at,
    described,
    fingerprint,
    header_values,
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
    Event,
    Facts,
    InvalidSignature,
    Provider,
    Setup,
    WebhookRequest,
    WebhookVerifier,
    require_fresh,
)
from dagster_drips.message.provider_headers import MESSAGE_ID_KEY

EVENTS: Mapping[str, Facts] = {
    "email.scheduled": NOTHING,
    "email.sent": NOTHING,
    "email.delivered": DELIVERED,
    "email.delivery_delayed": DEFERRED,
    "email.bounced": HARD,
    "email.suppressed": HARD,  # for an earlier hard bounce or complaint
    "email.failed": SOFT,
    "email.complained": COMPLAINED,
    "email.opened": OPENED,
    "email.clicked": CLICKED,
    "email.received": NOTHING,
    "contact.created": NOTHING,
    "contact.updated": NOTHING,
    "contact.deleted": NOTHING,
    "domain.created": NOTHING,
    "domain.updated": NOTHING,
    "domain.deleted": NOTHING,
}
BOUNCE_TYPES: Mapping[str, Facts] = {
    "permanent": HARD,
    "transient": SOFT,
    "temporary": SOFT,
    "undetermined": SOFT,
}
"""Events of before there were types are hard, as all of them were."""

_TOLERANCE = timedelta(minutes=5)
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with


def verifier(setup: Setup) -> WebhookVerifier:
    """Raises ValueError for what is no signing secret."""
    keys = [_key(value) for value in setup.values]

    async def verify(request: WebhookRequest) -> None:
        event_id, timestamp = (request.headers.get(name, "") for name in ("svix-id", "svix-timestamp"))
        signed = f"{event_id}.{timestamp}.".encode("utf-8", "surrogateescape") + request.body
        expected = ["v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
        if not any(same(one, expected) for one in request.headers.get("svix-signature", "").split()):
            raise InvalidSignature("the signature is not Resend's")
        require_fresh(request, instant(timestamp), setup.tolerance)

    return WebhookVerifier(verify)


def read(request: WebhookRequest) -> Iterator[Event]:
    """One event, of one message."""
    event = object_of(request.json)
    name = text(event, "type") or ""
    data = at(event, "data")
    act = at(data, "click") or at(data, "open")
    yield Event(
        name=name,
        event_id=request.headers.get("svix-id") or fingerprint(event),
        message_id=our_message_id(
            [
                *header_values(at(data, "headers"), "X-Drips-Message-Id"),
                at(data, "tags", MESSAGE_ID_KEY),
                *header_values(at(data, "headers"), "Message-ID"),
                at(data, "message_id"),
            ]
        ),
        occurred_at=instant(at(act, "timestamp")) or instant(at(event, "created_at")),
        facts=_facts(name, data),
        url=text(act, "link"),
        user_agent=text(act, "userAgent"),
        ip=text(act, "ipAddress"),
        detail=described(
            text(data, "bounce", "type"),
            text(data, "bounce", "subType"),
            text(data, "bounce", "message"),
            text(data, "suppressed", "message"),
            text(data, "failed", "reason"),
        ),
    )


PROVIDER = Provider(
    "resend", verifier, read, tolerance=_TOLERANCE, kept_headers=("svix-id", "svix-timestamp", "svix-signature")
)


def _facts(name: str, data: Any) -> Facts | None:
    if name == "email.bounced":
        return BOUNCE_TYPES.get((text(data, "bounce", "type") or "").lower(), HARD)
    return EVENTS.get(name)


def _key(value: str) -> bytes:
    try:
        key = base64.b64decode(value.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("not a signing secret; copy the webhook's, which begins with whsec_")
    return key
