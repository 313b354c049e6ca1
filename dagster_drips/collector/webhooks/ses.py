"""Amazon SES: event publishing and feedback notifications by way of SNS.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html. `DRIPS_WEBHOOK_SES` is the ARN
of the SNS topic; `DRIPS_WEBHOOK_SES_CONFIRM=yes` lets the collector confirm that topic's subscription. Events show the
message's own headers, ours among them. Signatures are in `sns`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dagster_drips.collector.webhooks.payload import (
    at,
    decoded,
    described,
    header_values,
    instant,
    listed,
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
    Setup,
    WebhookRequest,
    WebhookVerifier,
)
from dagster_drips.collector.webhooks.sns import NOTIFICATION, REGION, Sns
from dagster_drips.message.provider_headers import MESSAGE_ID_KEY

EVENTS: Mapping[str, tuple[str, Facts]] = {
    "Send": ("send", NOTHING),
    "Delivery": ("delivery", DELIVERED),
    "DeliveryDelay": ("deliveryDelay", DEFERRED),
    "Bounce": ("bounce", SOFT),
    "Complaint": ("complaint", COMPLAINED),
    "Reject": ("reject", SOFT),
    "Rendering Failure": ("failure", SOFT),
    "Open": ("open", OPENED),
    "Click": ("click", CLICKED),
    "Subscription": ("subscription", NOTHING),
    "Received": ("receipt", NOTHING),
}
"""eventType → where its particulars stand, and what it means."""
BOUNCE_TYPES: Mapping[str, Facts] = {"Permanent": HARD, "Transient": SOFT, "Undetermined": SOFT}
BOUNCE_SUBTYPES: Mapping[str, Facts] = {"UnsubscribedRecipient": SOFT + UNSUBSCRIBED}
"""Goes before the type."""
COMPLAINT_TYPES: Mapping[str, Facts] = {
    "not-spam": NOTHING,  # the reader took it out of the spam folder
    "auth-failure": NOTHING,  # a report about DKIM and its kin, from no reader
}
"""Other kinds of feedback, and none, are complaints."""


# As Amazon's own validators have it; its deliveries over HTTP are tried again within this time.
_TOLERANCE = timedelta(hours=1)
_TOPIC = re.compile(rf"arn:aws(?:-[a-z]+)*:sns:{REGION}:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}(?:\.fifo)?")


def verifier(setup: Setup) -> WebhookVerifier:
    """Raises ValueError for what is no topic's ARN."""
    for topic in setup.values:
        if not _TOPIC.fullmatch(topic):
            raise ValueError(
                "not the ARN of an SNS topic; write it like arn:aws:sns:eu-west-1:123456789012:mail-events"
            )
    sns = Sns(setup.values, setup.fetch, setup.tolerance)
    return WebhookVerifier(sns.verify, follow_up=sns.confirm if setup.confirms else None)


def read(request: WebhookRequest) -> Iterator[Event]:
    """One event, of one message; a choice of several topics is one event each."""
    envelope = object_of(request.json)
    kind, own_id = text(envelope, "Type") or "", text(envelope, "MessageId") or ""
    sent_at = instant(at(envelope, "Timestamp"))
    event = decoded(at(envelope, "Message"))
    if kind != NOTIFICATION or not isinstance(event, dict):
        # To subscribe, to unsubscribe, or SES' word that it has tried the topic.
        yield Event(kind, own_id, None, sent_at, NOTHING)
        return
    name = text(event, "eventType") or text(event, "notificationType") or ""
    member, _ = EVENTS.get(name, ("", NOTHING))
    particulars = at(event, member)
    base = Event(
        name=name,
        event_id=own_id,
        message_id=_message_id(at(event, "mail")),
        occurred_at=instant(at(particulars, "timestamp")) or sent_at,
        facts=_facts(name, particulars),
    )
    if name == "Subscription":
        for topic, facts in _choices(particulars):
            yield replace(base, facts=facts, topic=topic)
        return
    acts = name in ("Open", "Click")
    yield replace(
        base,
        url=text(particulars, "link"),
        user_agent=text(particulars, "userAgent") if acts else None,
        ip=text(particulars, "ipAddress") if acts else None,
        detail=_detail(particulars),
    )


PROVIDER = Provider(
    "ses",
    verifier,
    read,
    tolerance=_TOLERANCE,
    kept_headers=("x-amz-sns-message-id", "x-amz-sns-message-type", "x-amz-sns-topic-arn"),
)


def _message_id(mail: Any) -> str | None:
    tagged = listed(mail, "tags", MESSAGE_ID_KEY)
    named = header_values(at(mail, "headers"), "X-Drips-Message-Id", "Message-ID")
    return our_message_id([*tagged, *named, at(mail, "commonHeaders", "messageId")])


def _facts(name: str, particulars: Any) -> Facts | None:
    if name == "Bounce":
        subtype = BOUNCE_SUBTYPES.get(text(particulars, "bounceSubType") or "")
        return subtype or BOUNCE_TYPES.get(text(particulars, "bounceType") or "", SOFT)
    if name == "Complaint":
        return COMPLAINT_TYPES.get(text(particulars, "complaintFeedbackType") or "", COMPLAINED)
    return EVENTS[name][1] if name in EVENTS else None


def _choices(subscription: Any) -> Iterator[tuple[str | None, Facts]]:
    """What the reader changed on SES' own page: all mail, or topics (whose names must be those of the sequences)."""
    old, new = at(subscription, "oldTopicPreferences"), at(subscription, "newTopicPreferences")
    wants_none, wanted_none = (at(preferences, "unsubscribeAll") is True for preferences in (new, old))
    before = _topics(old)
    changed = [
        (topic, UNSUBSCRIBED if status == "OptOut" else RESUBSCRIBED)
        for topic, status in _topics(new).items()
        if before.get(topic) != status and status in ("OptIn", "OptOut")
    ]
    if wants_none:
        yield None, UNSUBSCRIBED
        return
    if wanted_none:
        yield None, RESUBSCRIBED
    yield from changed
    if not wanted_none and not changed:
        yield None, NOTHING


def _topics(preferences: Any) -> dict[str, str]:
    statuses = listed(preferences, "topicSubscriptionStatus")
    pairs = [(text(status, "topicName"), text(status, "subscriptionStatus")) for status in statuses]
    return {topic: status for topic, status in pairs if topic and status}


def _detail(particulars: Any) -> str | None:
    people = listed(particulars, "bouncedRecipients") + listed(particulars, "delayedRecipients")
    said = [part for one in people for part in (text(one, "status"), text(one, "diagnosticCode"))]
    return described(
        text(particulars, "bounceType"),
        text(particulars, "bounceSubType"),
        text(particulars, "delayType"),
        text(particulars, "complaintFeedbackType"),
        text(particulars, "complaintSubType"),
        text(particulars, "reason"),
        text(particulars, "errorMessage"),
        text(particulars, "smtpResponse"),
        *said,
    )
