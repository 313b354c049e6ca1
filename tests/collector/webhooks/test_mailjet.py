"""Mailjet: what each documented event becomes. Shapes: the Event API's guide."""

from tests.collector.webhooks.signing import OURS, THEN, iso

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0"


def event(name, **members):
    return {
        "event": name,
        "time": THEN,
        "MessageID": 19421777835146490,
        "Message_GUID": "1ab23cd4-e567-8901-2345-6789f0gh1i2j",
        "email": "ada@acme.example",
        "mj_campaign_id": 7257,
        "mj_contact_id": 4,
        "customcampaign": "",
        "CustomID": OURS,
        "Payload": "",
    } | members


def bounce(**members):
    return event("bounce", blocked=False, **members)


SAMPLES = [
    (
        event("sent", smtp_reply="sent (250 2.0.0 OK 1433333948 fa5si855896wjc.199 - gsmtp)"),
        [{"type": "delivered", "detail": "sent (250 2.0.0 OK 1433333948 fa5si855896wjc.199 - gsmtp)"}],
    ),
    (
        bounce(hard_bounce=True, error_related_to="recipient", error="user unknown", comment="550 5.1.1 no such user"),
        [
            {
                "type": "bounced",
                "bounce_class": "hard",
                "detail": "recipient user unknown 550 5.1.1 no such user",
            }
        ],
    ),
    (
        bounce(hard_bounce=False, error_related_to="recipient", error="quota exceeded"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "recipient quota exceeded"}],
    ),
    (
        bounce(hard_bounce=False, error_related_to="domain", error="greylisted"),
        [{"type": "deferred", "detail": "domain greylisted"}],
    ),
    (
        event("blocked", error_related_to="recipient", error="user unknown"),
        [{"type": "bounced", "bounce_class": "hard", "detail": "recipient user unknown"}],
    ),
    (
        event("blocked", error_related_to="mailjet", error="preblocked"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "mailjet preblocked"}],
    ),
    (
        event("blocked", error_related_to="recipient", error="blacklisted"),
        [
            {"type": "bounced", "bounce_class": "soft", "detail": "recipient blacklisted"},
            {"type": "unsubscribed", "detail": "recipient blacklisted"},
        ],
    ),
    (
        event("blocked", error_related_to="recipient", error="spam reporter"),
        [
            {"type": "bounced", "bounce_class": "soft", "detail": "recipient spam reporter"},
            {"type": "complained", "detail": "recipient spam reporter"},
        ],
    ),
    (
        event("open", ip="203.0.113.7", geo="US", agent=AGENT),
        [{"type": "opened", "ip": "203.0.113.7", "user_agent": AGENT}],
    ),
    (
        event("click", url="https://acme.example/", ip="203.0.113.7", geo="FR", agent=AGENT),
        [{"type": "clicked", "ip": "203.0.113.7", "user_agent": AGENT, "url": "https://acme.example/"}],
    ),
    (event("spam", source="JMRPP"), [{"type": "complained", "detail": "JMRPP"}]),
    (
        event("unsub", mj_list_id=1, ip="203.0.113.7", geo="FR", agent=AGENT),
        [{"type": "unsubscribed", "ip": "203.0.113.7", "user_agent": AGENT}],
    ),
]


def test_events_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN)}
    found = landed("mailjet", *([sample] for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_an_event_may_come_without_an_array(landed):
    (rows,) = landed("mailjet", event("open"))
    assert [row["type"] for row in rows] == ["opened"]


def test_the_id_may_stand_in_the_payload(landed):
    ((row,),) = landed("mailjet", [event("open", CustomID="", Payload=f'{{"drips_message_id": "{OURS}"}}')])
    assert row["message_id"] == OURS
