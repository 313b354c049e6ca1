"""Mailjet: the Event API (https://dev.mailjet.com/email/guides/webhooks/).

It carries no signature: `DRIPS_WEBHOOK_MAILJET` is `user:password`, written into the webhook's address. Events come in
an array, or alone where «group events» is off. They have no id of their own: their content is it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dagster_drips.collector.webhooks.credentials import verifier_by_secret
from dagster_drips.collector.webhooks.payload import (
    at,
    decoded,
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
    OPENED,
    SOFT,
    UNSUBSCRIBED,
    Event,
    Facts,
    Provider,
    WebhookRequest,
)
from dagster_drips.message.provider_headers import MESSAGE_ID_KEY

EVENTS: Mapping[str, Facts] = {
    "sent": DELIVERED,  # taken by the recipient's server
    "bounce": SOFT,
    "blocked": SOFT,
    "open": OPENED,
    "click": CLICKED,
    "spam": COMPLAINED,
    "unsub": UNSUBSCRIBED,
}
BLOCK_REASONS: Mapping[str, Facts] = {
    "user unknown": HARD,
    "mailbox inactive": HARD,
    "invalid domain": HARD,
    "no mail host": HARD,
    "typofix": HARD,
    "blacklisted": SOFT + UNSUBSCRIBED,  # on the account's list of those who don't want any
    "spam reporter": SOFT + COMPLAINED,
}
"""`error` of `blocked` events, which Mailjet didn't even send; any other is soft."""
TRIED_AGAIN = "greylisted"


def read(request: WebhookRequest) -> Iterator[Event]:
    """Events of any number of messages."""
    for event in objects_of(request.json):
        name = text(event, "event") or ""
        yield Event(
            name=name,
            event_id=fingerprint(event),
            message_id=our_message_id([at(event, "CustomID"), at(decoded(at(event, "Payload")), MESSAGE_ID_KEY)]),
            occurred_at=instant(at(event, "time")),
            facts=_facts(name, event),
            url=text(event, "url"),
            user_agent=text(event, "agent"),
            ip=text(event, "ip"),
            detail=described(
                text(event, "error_related_to"),
                text(event, "error"),
                text(event, "comment"),
                text(event, "smtp_reply"),
                text(event, "source"),
            ),
        )


PROVIDER = Provider("mailjet", verifier_by_secret, read)


def _facts(name: str, event: dict[str, Any]) -> Facts | None:
    error = (text(event, "error") or "").lower()
    if name == "bounce":
        if at(event, "hard_bounce") is True:
            return HARD
        return DEFERRED if error == TRIED_AGAIN else SOFT
    if name == "blocked":
        return BLOCK_REASONS.get(error, SOFT)
    return EVENTS.get(name)
