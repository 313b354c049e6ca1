"""Amazon SES: what each documented event becomes. Shapes: event data that SES publishes to SNS."""

import pytest

from tests.collector.webhooks.signing import OURS, THEN, THEN_ISO, iso

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
HEADERS = [{"name": "Subject", "value": "Welcome"}, {"name": "X-Drips-Message-Id", "value": OURS}]
ACT = {"ipAddress": "203.0.113.7", "timestamp": THEN_ISO, "userAgent": AGENT}


def event(kind, member=None, particulars=None, **mail):
    return {
        "eventType": kind,
        "mail": {
            "timestamp": "2026-03-01T11:50:00.000Z",
            "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
            "destination": ["ada@acme.example"],
            "headersTruncated": False,
            "headers": HEADERS,
            "commonHeaders": {"messageId": "EXAMPLE7c191be45"},
            "tags": {"ses:configuration-set": ["drips"]},
        }
        | mail,
        **({member: particulars} if member else {}),
    }


def bounce(kind, subtype="General"):
    people = [{"emailAddress": "ada@acme.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]
    return event(
        "Bounce",
        "bounce",
        {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": people, "timestamp": THEN_ISO},
    )


def bounced(how, kind, subtype="General"):
    return {"type": "bounced", "bounce_class": how, "detail": f"{kind} {subtype} smtp; 550 5.1.1 user unknown"}


def complaint(**members):
    return event("Complaint", "complaint", {"timestamp": THEN_ISO, "complainedRecipients": []} | members)


def chosen(before, after):
    return event(
        "Subscription",
        "subscription",
        {
            "contactList": "readers",
            "timestamp": THEN_ISO,
            "source": "UnsubscribeHeader",
            "oldTopicPreferences": before,
            "newTopicPreferences": after,
        },
    )


def topics(everything=False, **statuses):
    return {
        "unsubscribeAll": everything,
        "topicSubscriptionStatus": [{"topicName": name, "subscriptionStatus": how} for name, how in statuses.items()],
    }


SAMPLES = [
    (event("Send", "send", {}), []),
    (
        event("Delivery", "delivery", {"timestamp": THEN_ISO, "smtpResponse": "250 2.6.0 Message received"}),
        [{"type": "delivered", "detail": "250 2.6.0 Message received"}],
    ),
    (
        event(
            "DeliveryDelay",
            "deliveryDelay",
            {
                "delayType": "TransientCommunicationFailure",
                "timestamp": THEN_ISO,
                "delayedRecipients": [{"status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect"}],
            },
        ),
        [{"type": "deferred", "detail": "TransientCommunicationFailure smtp; 421 4.4.1 Unable to connect"}],
    ),
    (bounce("Permanent"), [bounced("hard", "Permanent")]),
    (
        bounce("Permanent", "OnAccountSuppressionList"),
        [bounced("hard", "Permanent", "OnAccountSuppressionList")],
    ),
    (bounce("Transient", "MailboxFull"), [bounced("soft", "Transient", "MailboxFull")]),
    (
        bounce("Undetermined", "Undetermined"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "Undetermined smtp; 550 5.1.1 user unknown"}],
    ),
    (
        bounce("Permanent", "UnsubscribedRecipient"),
        [
            bounced("soft", "Permanent", "UnsubscribedRecipient"),
            {"type": "unsubscribed", "detail": "Permanent UnsubscribedRecipient smtp; 550 5.1.1 user unknown"},
        ],
    ),
    (
        complaint(complaintFeedbackType="abuse", userAgent="AnyCompany Feedback Loop (V0.01)"),
        [{"type": "complained", "detail": "abuse"}],
    ),
    (complaint(), [{"type": "complained"}]),
    (complaint(complaintFeedbackType="not-spam"), []),
    (complaint(complaintFeedbackType="auth-failure"), []),
    (
        event("Reject", "reject", {"reason": "Bad content"}),
        [{"type": "bounced", "bounce_class": "soft", "detail": "Bad content"}],
    ),
    (
        event("Rendering Failure", "failure", {"errorMessage": "Attribute 'x' is not present", "templateName": "t"}),
        [{"type": "bounced", "bounce_class": "soft", "detail": "Attribute 'x' is not present"}],
    ),
    (event("Open", "open", ACT), [{"type": "opened", "ip": "203.0.113.7", "user_agent": AGENT}]),
    (
        event("Click", "click", ACT | {"link": "https://acme.example/", "linkTags": None}),
        [{"type": "clicked", "ip": "203.0.113.7", "user_agent": AGENT, "url": "https://acme.example/"}],
    ),
    (chosen(topics(), topics(everything=True)), [{"type": "unsubscribed"}]),
    (chosen(topics(everything=True), topics()), [{"type": "resubscribed"}]),
    (
        chosen(topics(news="OptIn", tips="OptOut", same="OptOut"), topics(news="OptOut", tips="OptIn", same="OptOut")),
        [{"type": "unsubscribed", "topic": "news"}, {"type": "resubscribed", "topic": "tips"}],
    ),
    (chosen(topics(news="OptIn"), topics(news="OptIn")), []),
]


def test_events_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN)}
    found = landed("ses", *(sample for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_notifications_of_an_identity_have_another_name_for_the_event(landed):
    sample = bounce("Permanent")
    sample["notificationType"] = sample.pop("eventType")
    (rows,) = landed("ses", sample)
    assert [row["bounce_class"] for row in rows] == ["hard"]


@pytest.mark.parametrize(
    "mail",
    [
        {"headers": [], "tags": {"drips_message_id": [OURS]}},
        {"headers": [{"name": "message-id", "value": f"<{OURS}@acme.example>"}]},
        {"headers": None, "commonHeaders": {"messageId": f"<{OURS}@acme.example>"}},
    ],
    ids=["tag", "header", "common header"],
)
def test_the_message_is_found_by_tag_and_message_id_too(landed, mail):
    ((row,),) = landed("ses", event("Open", "open", ACT, **mail))
    assert row["message_id"] == OURS


def test_the_word_that_the_topic_was_tried_is_no_event(landed):
    assert landed("ses", "Successfully validated SNS topic for Amazon SES event publishing.") == [[]]
