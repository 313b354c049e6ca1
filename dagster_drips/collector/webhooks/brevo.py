"""Brevo, once Sendinblue: transactional webhooks (https://developers.brevo.com/docs/transactional-webhooks).

They carry no signature: `DRIPS_WEBHOOK_BREVO` is a bearer token, or `user:password` written into the webhook's address
(https://developers.brevo.com/docs/username-and-password-authentication). Events come alone, or in an array where
batching is on. They have no id of their own (`id` is the webhook's): their content is it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    NOTHING,
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
    "request": NOTHING,
    "sent": NOTHING,
    "delivered": DELIVERED,
    "deferred": DEFERRED,
    "soft_bounce": SOFT,
    "hard_bounce": HARD,
    "invalid_email": HARD,
    "blocked": SOFT,  # by Brevo, for an earlier bounce, complaint or request that isn't named
    "error": SOFT,
    "opened": OPENED,
    "unique_opened": OPENED,  # the first one; later ones are `opened`
    "proxy_open": OPENED,
    "unique_proxy_open": OPENED,
    "click": CLICKED,
    "spam": COMPLAINED,
    "complaint": COMPLAINED,
    "unsubscribed": UNSUBSCRIBED,
    "unsubscribe": UNSUBSCRIBED,
    "list_addition": NOTHING,
    "contact_updated": NOTHING,
    "contact_deleted": NOTHING,
}
PROXY_OPENS = frozenset({"proxy_open", "unique_proxy_open"})


def read(request: WebhookRequest) -> Iterator[Event]:
    """Events of any number of messages."""
    for event in objects_of(request.json):
        name = text(event, "event") or ""
        custom = at(event, "X-Mailin-custom")
        yield Event(
            name=name,
            event_id=fingerprint(event),
            message_id=our_message_id([at(decoded(custom), MESSAGE_ID_KEY), custom, at(event, "message-id")]),
            # `ts` and `date` are in the account's time zone; these two are UTC.
            occurred_at=instant(at(event, "ts_epoch")) or instant(at(event, "ts_event")),
            facts=EVENTS.get(name),
            url=text(event, "link") if name == "click" else None,
            user_agent=text(event, "user_agent"),
            ip=text(event, "ip"),
            detail=described(
                text(event, "reason"), "opened by a proxy, as Brevo says" if name in PROXY_OPENS else None
            ),
        )


PROVIDER = Provider("brevo", verifier_by_secret, read)
