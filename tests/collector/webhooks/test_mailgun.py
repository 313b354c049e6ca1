"""Mailgun: what each documented event becomes. Shapes: «Webhook Payloads» of its user manual."""

import json

from tests.collector.webhooks.signing import OURS, THEN, iso, mailgun

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0"


def event(name, **members):
    return {
        "event": name,
        "id": f"id-of-{name}",
        "timestamp": THEN + 0.25,
        "log-level": "info",
        "recipient": "ada@acme.example",
        "message": {
            "headers": {"to": "Ada <ada@acme.example>", "message-id": "20260301.1@mg.acme.example"},
            "size": 341,
        },
        "user-variables": {"drips_message_id": OURS},
        "tags": ["onboarding"],
    } | members


def failed(severity, reason, **status):
    return event("failed", severity=severity, reason=reason, **{"delivery-status": status})


NO_MAILBOX = {"code": 550, "enhanced-code": "5.1.1", "message": "No such user"}
PERSON = {"ip": "203.0.113.7", "client-info": {"user-agent": AGENT, "device-type": "desktop"}}

SAMPLES = [
    (event("accepted"), []),
    (event("stored"), []),
    (
        event("delivered", **{"delivery-status": {"code": 250, "message": "OK", "attempt-no": 1}}),
        [{"type": "delivered", "detail": "250 OK"}],
    ),
    (
        failed("temporary", "generic", code=452, message="4.2.2 Mailbox full"),
        [{"type": "deferred", "detail": "452 4.2.2 Mailbox full generic"}],
    ),
    (
        failed("permanent", "bounce", **NO_MAILBOX),
        [{"type": "bounced", "bounce_class": "hard", "detail": "550 5.1.1 No such user bounce"}],
    ),
    (
        failed(
            "permanent",
            "suppress-bounce",
            code=605,
            message="",
            description="Not delivering to an address that bounced",
        ),
        [
            {
                "type": "bounced",
                "bounce_class": "hard",
                "detail": "605 Not delivering to an address that bounced suppress-bounce",
            }
        ],
    ),
    (
        failed("permanent", "generic", **NO_MAILBOX),
        [{"type": "bounced", "bounce_class": "hard", "detail": "550 5.1.1 No such user generic"}],
    ),
    (
        failed("permanent", "old", code=602, message="Too old"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "602 Too old"}],
    ),
    (
        failed("permanent", "suppress-unsubscribe", code=606),
        [
            {"type": "bounced", "bounce_class": "soft", "detail": "606 suppress-unsubscribe"},
            {"type": "unsubscribed", "detail": "606 suppress-unsubscribe"},
        ],
    ),
    (
        failed("permanent", "suppress-complaint", code=607),
        [
            {"type": "bounced", "bounce_class": "soft", "detail": "607 suppress-complaint"},
            {"type": "complained", "detail": "607 suppress-complaint"},
        ],
    ),
    (
        event("rejected", reject={"reason": "Sandbox subdomains are for test purposes only.", "description": ""}),
        [{"type": "bounced", "bounce_class": "soft", "detail": "Sandbox subdomains are for test purposes only."}],
    ),
    (event("opened", **PERSON), [{"type": "opened", "ip": "203.0.113.7", "user_agent": AGENT}]),
    (
        event("clicked", url="https://acme.example/", **PERSON),
        [{"type": "clicked", "ip": "203.0.113.7", "user_agent": AGENT, "url": "https://acme.example/"}],
    ),
    (event("unsubscribed", **PERSON), [{"type": "unsubscribed", "ip": "203.0.113.7", "user_agent": AGENT}]),
    (event("complained"), [{"type": "complained"}]),
]


def test_events_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN + 0.25)}
    found = landed("mailgun", *(sample for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_the_message_is_found_by_its_message_id_too(landed):
    headers = {"headers": {"message-id": f"{OURS}@mail.acme.example"}}
    ((row,),) = landed("mailgun", event("complained", message=headers, **{"user-variables": {}}))
    assert row["message_id"] == OURS


def test_a_signature_is_refused_when_it_is_old_of_another_key_or_came_with_another_body(collector):
    webhooks = collector()
    assert webhooks.post("mailgun", *mailgun(event("opened"), timestamp=THEN - 300)).status_code == 401
    assert webhooks.post("mailgun", *mailgun(event("opened"), timestamp=THEN + 420)).status_code == 401
    assert webhooks.counted("webhook_requests", "mailgun", "stale") == 2
    assert webhooks.post("mailgun", *mailgun(event("opened"), key="another")).status_code == 401

    body, headers = mailgun(event("opened"))
    assert webhooks.post("mailgun", body, headers).status_code == 200
    assert webhooks.post("mailgun", body, headers).status_code == 200
    changed = json.dumps(json.loads(body) | {"event-data": event("complained")}).encode()
    assert webhooks.post("mailgun", changed, headers).status_code == 401
    assert {row["type"] for row in webhooks.rows()} == {"opened"}


def test_what_carries_no_signature_is_refused(collector):
    webhooks = collector()
    for body in (b"", b"event=opened&token=1", b"[]", b'{"signature": "x"}', b"[" * 100_000):
        assert webhooks.post("mailgun", body).status_code == 401
    assert webhooks.counted("webhook_requests", "mailgun", "forged") == 5
