"""Postmark: what each documented record becomes. Shapes: the webhooks' reference."""

from tests.collector.webhooks.signing import OURS, THEN, TOKEN, basic, iso, request

POSTMARKS = "883953f4-6105-42a2-a16a-77a8eac79483"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/127.0"
WHEN = "2026-03-01T06:59:00.0000000-05:00"


def record(kind, **members):
    return {
        "RecordType": kind,
        "MessageID": POSTMARKS,
        "MessageStream": "broadcast",
        "ServerID": 23,
        "Tag": "onboarding",
        "Metadata": {"drips_message_id": OURS},
    } | members


def bounce(kind, details="smtp;550 5.1.1 user unknown"):
    return record("Bounce", ID=42, Type=kind, TypeCode=1, Email="ada@acme.example", BouncedAt=WHEN, Details=details)


def change(suppressed, origin, reason=None):
    return record(
        "SubscriptionChange", SuppressSending=suppressed, Origin=origin, SuppressionReason=reason, ChangedAt=WHEN
    )


def bounced(how, kind):
    return {"type": "bounced", "bounce_class": how, "detail": f"{kind} smtp;550 5.1.1 user unknown"}


SAMPLES = [
    (record("Delivery", DeliveredAt=WHEN, Details="Test: 250 OK"), [{"type": "delivered", "detail": "Test: 250 OK"}]),
    *((bounce(kind), [bounced("hard", kind)]) for kind in ("HardBounce", "BadEmailAddress", "ManuallyDeactivated")),
    *(
        (bounce(kind), [bounced("soft", kind)])
        for kind in ("SoftBounce", "DnsError", "Blocked", "SpamNotification", "DMARCPolicy", "Unknown", "NeverHeardOf")
    ),
    (bounce("Transient"), [{"type": "deferred", "detail": "Transient smtp;550 5.1.1 user unknown"}]),
    (bounce("Unsubscribe", ""), [{"type": "unsubscribed", "detail": "Unsubscribe"}]),
    *((bounce(kind), []) for kind in ("AutoResponder", "AddressChange", "ChallengeVerification", "Subscribe")),
    (
        record("SpamComplaint", ID=43, Type="SpamComplaint", BouncedAt=WHEN, Email="ada@acme.example"),
        [{"type": "complained", "detail": "SpamComplaint"}],
    ),
    (
        record("Open", FirstOpen=True, ReceivedAt=WHEN, UserAgent=AGENT, Geo={"IP": "203.0.113.7"}),
        [{"type": "opened", "user_agent": AGENT, "ip": "203.0.113.7"}],
    ),
    (
        record(
            "Click", OriginalLink="https://acme.example/", ReceivedAt=WHEN, UserAgent=AGENT, Geo={"IP": "203.0.113.7"}
        ),
        [{"type": "clicked", "user_agent": AGENT, "ip": "203.0.113.7", "url": "https://acme.example/"}],
    ),
    (
        change(True, "Recipient", "ManualSuppression"),
        [{"type": "unsubscribed", "detail": "ManualSuppression"}],
    ),
    (change(True, "Recipient", "HardBounce"), [{"type": "bounced", "bounce_class": "hard", "detail": "HardBounce"}]),
    (change(True, "Recipient", "SpamComplaint"), [{"type": "complained", "detail": "SpamComplaint"}]),
    (change(False, "Recipient"), [{"type": "resubscribed"}]),
    (change(False, "Admin"), []),
    (record("Inbound"), []),
]


def test_records_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN)}
    found = landed("postmark", *(sample for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_metadata_is_found_in_whatever_case_a_header_was_taken_from(landed):
    ((row,),) = landed("postmark", record("Open", ReceivedAt=WHEN, Metadata={"Drips-Message-Id": OURS.upper()}))
    assert row["message_id"] == OURS


def test_a_password_or_a_token_is_asked_for(collector):
    webhooks = collector(DRIPS_WEBHOOK_POSTMARK=f"hook:old,hook:s3cret,{TOKEN}")
    body, _ = request("postmark", record("Open", ReceivedAt=WHEN))
    good = (basic("hook:old"), basic("hook:s3cret"), {"Authorization": f"bearer {TOKEN}"})
    bad = (
        {},
        basic("hook:wrong"),
        basic("hook"),
        {"Authorization": "Basic ???"},
        {"Authorization": "Bearer hook:wrong"},
    )
    assert [webhooks.post("postmark", body, headers).status_code for headers in good] == [200] * 3
    refused = [webhooks.post("postmark", body, headers) for headers in bad]
    assert [answer.status_code for answer in refused] == [401] * 5
    assert refused[0].headers["www-authenticate"].startswith("Basic ")
