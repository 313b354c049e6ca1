"""SparkPost, now Bird: event webhooks (https://developers.sparkpost.com/api/webhooks/).

They carry no signature: `DRIPS_WEBHOOK_SPARKPOST` is `user:password` (basic authentication of the webhook), or a token
that comes as `Authorization: Bearer …` or in SparkPost's own header. Each event is wrapped in `msys` and its class.
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
    Provider,
    Setup,
    WebhookRequest,
    WebhookVerifier,
)
from dagster_drips.message.provider_headers import MESSAGE_ID_KEY

TOKEN_HEADER = "x-messagesystems-webhook-token"  # noqa: S105 - a header's name

EVENTS: Mapping[str, Facts] = {
    "injection": NOTHING,
    "delivery": DELIVERED,
    "delay": DEFERRED,
    "bounce": SOFT,
    "out_of_band": SOFT,
    "policy_rejection": SOFT,
    "generation_failure": SOFT,
    "generation_rejection": SOFT,
    "spam_complaint": COMPLAINED,
    "list_unsubscribe": UNSUBSCRIBED,
    "link_unsubscribe": UNSUBSCRIBED,
    "open": OPENED,
    "amp_open": OPENED,
    # A second pixel at the top of the same message: the same reader, counted by `open`.
    "initial_open": NOTHING,
    "amp_initial_open": NOTHING,
    "click": CLICKED,
    "amp_click": CLICKED,
    "relay_injection": NOTHING,
    "relay_delivery": NOTHING,
    "relay_tempfail": NOTHING,
    "relay_permfail": NOTHING,
    "relay_rejection": NOTHING,
    "sms_status": NOTHING,
    "ab_test_completed": NOTHING,
    "ab_test_cancelled": NOTHING,
    "success": NOTHING,
    "error": NOTHING,
}
BOUNCE_CLASSES: Mapping[str, Facts] = {
    "10": HARD,  # invalid recipient
    "30": HARD,  # no RCPT
    "60": NOTHING,  # an automatic reply
    "80": NOTHING,  # asked to subscribe
    "90": UNSUBSCRIBED,  # asked to unsubscribe
    "100": NOTHING,  # a challenge to be answered
}
"""Of `bounce` and `out_of_band`; the classification codes that are not here are soft, blocks or undetermined."""


def verifier(setup: Setup) -> WebhookVerifier:
    """User and password, or a token."""
    return verifier_by_secret(setup, token_header=TOKEN_HEADER)


def read(request: WebhookRequest) -> Iterator[Event]:
    """Events of any number of messages; an empty `msys` is SparkPost trying whether somebody is there."""
    for wrapped in objects_of(request.json):
        for event in map(object_of, object_of(at(wrapped, "msys")).values()):
            name = text(event, "type") or ""
            machine = "fetched ahead by a machine, as SparkPost says" if at(event, "is_prefetched") is True else None
            yield Event(
                name=name,
                event_id=text(event, "event_id") or fingerprint(event),
                message_id=our_message_id([at(event, "rcpt_meta", MESSAGE_ID_KEY)]),
                occurred_at=instant(at(event, "timestamp")),
                facts=_facts(name, event),
                url=text(event, "target_link_url"),
                user_agent=text(event, "user_agent"),
                ip=text(event, "ip_address") if name.endswith(("open", "click", "unsubscribe")) else None,
                detail=described(
                    text(event, "error_code"),
                    text(event, "raw_reason") or text(event, "reason"),
                    _class(event),
                    machine,
                ),
            )


PROVIDER = Provider("sparkpost", verifier, read)


def _facts(name: str, event: dict[str, Any]) -> Facts | None:
    if name in ("bounce", "out_of_band"):
        return BOUNCE_CLASSES.get(text(event, "bounce_class") or "", SOFT)
    return EVENTS.get(name)


def _class(event: dict[str, Any]) -> str | None:
    code = text(event, "bounce_class")
    return f"bounce class {code}" if code else None
