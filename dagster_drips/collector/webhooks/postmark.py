"""Postmark: modular webhooks (https://postmarkapp.com/developer/webhooks/webhooks-overview).

They carry no signature: `DRIPS_WEBHOOK_POSTMARK` is `user:password`, written into the webhook's address, or a token
that the webhook's own HTTP headers send as `Authorization: Bearer …`. Postmark stops trying at a 403, so never that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dagster_drips.collector.webhooks.credentials import verifier_by_secret
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
    RESUBSCRIBED,
    SOFT,
    UNSUBSCRIBED,
    Event,
    Facts,
    Provider,
    WebhookRequest,
)
from dagster_drips.message.provider_headers import MESSAGE_ID_KEY

RECORD_TYPES: Mapping[str, Facts] = {
    "Delivery": DELIVERED,
    "Bounce": SOFT,
    "SpamComplaint": COMPLAINED,
    "Open": OPENED,
    "Click": CLICKED,
    "SubscriptionChange": NOTHING,
    "SMTPApiError": NOTHING,
    "Inbound": NOTHING,
}
BOUNCE_TYPES: Mapping[str, Facts] = {
    "HardBounce": HARD,
    "BadEmailAddress": HARD,
    "ManuallyDeactivated": HARD,  # somebody said that nothing more goes there
    "Transient": DEFERRED,
    "SoftBounce": SOFT,
    "DnsError": SOFT,
    "SpamNotification": SOFT,  # a filter's word about the content, not a person's
    "VirusNotification": SOFT,
    "Blocked": SOFT,
    "DMARCPolicy": SOFT,
    "OpenRelayTest": SOFT,
    "Unconfirmed": SOFT,
    "SMTPApiError": SOFT,
    "TemplateRenderingFailed": SOFT,
    "Unknown": SOFT,
    "SpamComplaint": COMPLAINED,
    "Unsubscribe": UNSUBSCRIBED,
    "Subscribe": NOTHING,
    "AutoResponder": NOTHING,
    "AddressChange": NOTHING,
    "ChallengeVerification": NOTHING,
    "InboundError": NOTHING,
}
"""A type that is not here is soft."""
SUPPRESSION_REASONS: Mapping[str, Facts] = {
    "ManualSuppression": UNSUBSCRIBED,
    "HardBounce": HARD,
    "SpamComplaint": COMPLAINED,
}
_TIMES = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")


def read(request: WebhookRequest) -> Iterator[Event]:
    """One event, of one message."""
    event = object_of(request.json)
    name = text(event, "RecordType") or ""
    bounce = text(event, "ID") if name in ("Bounce", "SpamComplaint") else None
    yield Event(
        name=name,
        event_id=f"bounce-{bounce}" if bounce else fingerprint(event),
        message_id=our_message_id(_metadata(event, MESSAGE_ID_KEY)),
        occurred_at=next((time for time in (instant(at(event, key)) for key in _TIMES) if time), None),
        facts=_facts(name, event),
        url=text(event, "OriginalLink"),
        user_agent=text(event, "UserAgent"),
        ip=text(event, "Geo", "IP"),
        detail=described(
            text(event, "Type"), text(event, "SuppressionReason"), text(event, "Details") or text(event, "Description")
        ),
    )


PROVIDER = Provider("postmark", verifier_by_secret, read)


def _metadata(event: dict[str, Any], key: str) -> list[Any]:
    """Values of a key that went through a header's name, so its case and dashes are not sure."""
    metadata = at(event, "Metadata")
    pairs = metadata.items() if isinstance(metadata, dict) else ()
    return [value for name, value in pairs if name.lower().replace("-", "_") == key]


def _facts(name: str, event: dict[str, Any]) -> Facts | None:
    if name == "Bounce":
        return BOUNCE_TYPES.get(text(event, "Type") or "", SOFT)
    if name == "SubscriptionChange":
        if at(event, "SuppressSending") is True:
            return SUPPRESSION_REASONS.get(text(event, "SuppressionReason") or "", UNSUBSCRIBED)
        # Lifted by the owner, which the reader did not ask for.
        return RESUBSCRIBED if text(event, "Origin") == "Recipient" else NOTHING
    return RECORD_TYPES.get(name)
