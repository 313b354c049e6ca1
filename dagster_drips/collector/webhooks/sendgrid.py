"""Twilio SendGrid: the Event Webhook (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event).

Signed by ECDSA over P-256: the timestamp header and the body as it came. `DRIPS_WEBHOOK_SENDGRID` is the verification
key of the webhook's settings: base64 of the DER form, or PEM. Members of `unique_args` stand in the event itself.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from dagster_drips.collector.webhooks.payload import (
    at,
    described,
    fingerprint,
    instant,
    objects_of,
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
    WebhookRequest,
    WebhookVerifier,
    require_fresh,
)
from dagster_drips.message.provider_headers import MESSAGE_ID_KEY

SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
_TOLERANCE = timedelta(minutes=5)

EVENTS: Mapping[str, Facts] = {
    "processed": NOTHING,
    "delivered": DELIVERED,
    "deferred": DEFERRED,
    "bounce": HARD,
    "dropped": SOFT,
    "open": OPENED,
    "click": CLICKED,
    "spamreport": COMPLAINED,
    "unsubscribe": UNSUBSCRIBED,
    # Of a group of SendGrid's, which is no topic of ours: the wider request is taken, and only our own page lifts it.
    "group_unsubscribe": UNSUBSCRIBED,
    "group_resubscribe": NOTHING,
    "account_status_change": NOTHING,
}
BOUNCE_TYPES: Mapping[str, Facts] = {
    "bounce": HARD,
    "blocked": SOFT,  # refused for now or for its content: SendGrid goes on sending to the address
    "expired": SOFT,
}
DROP_REASONS: Mapping[str, Facts] = {
    "invalid": HARD,
    "bounced address": HARD,
    "unsubscribed address": SOFT + UNSUBSCRIBED,
    "spam reporting address": SOFT + COMPLAINED,
}


def verifier(setup: Setup) -> WebhookVerifier:
    """Raises ValueError for what is no public key over P-256."""
    keys = [_public_key(value) for value in setup.values]

    async def verify(request: WebhookRequest) -> None:
        try:
            signature = base64.b64decode(request.headers.get(SIGNATURE_HEADER, ""), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidSignature("no signature") from None
        timestamp = request.headers.get(TIMESTAMP_HEADER, "")
        signed = timestamp.encode("utf-8", "surrogateescape") + request.body
        if not any(_signed_by(key, signature, signed) for key in keys):
            raise InvalidSignature("the signature is not SendGrid's")
        # Time and body stand beside each other without a sign between: a time with more digits takes them of the body.
        require_fresh(request, instant(timestamp), setup.tolerance)

    return WebhookVerifier(verify)


def read(request: WebhookRequest) -> Iterator[Event]:
    """An array of events, of any number of messages."""
    for event in objects_of(request.json):
        name = text(event, "event") or ""
        machine = "opened by a machine, as SendGrid says" if at(event, "sg_machine_open") is True else None
        yield Event(
            name=name,
            event_id=text(event, "sg_event_id") or fingerprint(event),
            message_id=our_message_id(
                [at(event, MESSAGE_ID_KEY), at(event, "unique_args", MESSAGE_ID_KEY), at(event, "smtp-id")]
            ),
            occurred_at=instant(at(event, "timestamp")),
            facts=_facts(name, event),
            url=text(event, "url"),
            user_agent=text(event, "useragent"),
            ip=text(event, "ip") if name in ("open", "click") else None,
            detail=described(
                text(event, "status"), text(event, "reason") or text(event, "response"), text(event, "type"), machine
            ),
        )


PROVIDER = Provider("sendgrid", verifier, read, tolerance=_TOLERANCE, kept_headers=(SIGNATURE_HEADER, TIMESTAMP_HEADER))


def _facts(name: str, event: dict[str, Any]) -> Facts | None:
    if name == "bounce":
        return BOUNCE_TYPES.get((text(event, "type") or "").lower(), HARD)
    if name == "dropped":
        return DROP_REASONS.get((text(event, "reason") or "").lower(), SOFT)
    return EVENTS.get(name)


def _public_key(value: str) -> EllipticCurvePublicKey:
    try:
        if "-----BEGIN" in value:
            key = load_pem_public_key(value.replace("\\n", "\n").encode())
        else:
            key = load_der_public_key(base64.b64decode(value, validate=True))
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise ValueError("not a public key; copy the webhook's verification key") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("not a key for ECDSA over P-256; copy the webhook's verification key")
    return key


def _signed_by(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except exceptions.InvalidSignature:
        return False
    return True
