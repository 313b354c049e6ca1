"""Resend: what each documented event becomes. Shapes: «Event types» of its webhooks."""

import pytest

from dagster_drips.errors import DripsError
from tests.collector.webhooks.signing import OURS, THEN, THEN_ISO, iso, resend

AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"
ACT = {"ipAddress": "203.0.113.7", "timestamp": THEN_ISO, "userAgent": AGENT}


def event(kind, **data):
    return {
        "type": kind,
        "created_at": THEN_ISO,
        "data": {
            "created_at": "2026-03-01T11:50:00.000Z",
            "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
            "from": "Acme <hello@acme.example>",
            "to": ["ada@acme.example"],
            "subject": "Welcome",
            "headers": [{"name": "X-Drips-Message-Id", "value": OURS}, {"name": "X-Drips-Step", "value": "welcome"}],
            "tags": {"category": "onboarding"},
        }
        | data,
    }


def bounce(kind=None, subtype="General"):
    words = {"message": "The recipient's server said no."} | ({"type": kind, "subType": subtype} if kind else {})
    return event("email.bounced", bounce=words)


SAMPLES = [
    (event("email.sent"), []),
    (event("email.scheduled"), []),
    (event("email.delivered"), [{"type": "delivered"}]),
    (event("email.delivery_delayed"), [{"type": "deferred"}]),
    (
        bounce("Permanent", "Suppressed"),
        [
            {
                "type": "bounced",
                "bounce_class": "hard",
                "detail": "Permanent Suppressed The recipient's server said no.",
            }
        ],
    ),
    (
        bounce("Transient"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "Transient General The recipient's server said no."}],
    ),
    (
        bounce("Undetermined"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "Undetermined General The recipient's server said no."}],
    ),
    (bounce(), [{"type": "bounced", "bounce_class": "hard", "detail": "The recipient's server said no."}]),
    (
        event(
            "email.suppressed", suppressed={"message": "On the suppression list", "type": "OnAccountSuppressionList"}
        ),
        [{"type": "bounced", "bounce_class": "hard", "detail": "On the suppression list"}],
    ),
    (
        event("email.failed", failed={"reason": "reached_daily_quota"}),
        [{"type": "bounced", "bounce_class": "soft", "detail": "reached_daily_quota"}],
    ),
    (event("email.complained"), [{"type": "complained"}]),
    (event("email.opened", open=ACT), [{"type": "opened", "ip": "203.0.113.7", "user_agent": AGENT}]),
    (
        event("email.clicked", click=ACT | {"link": "https://acme.example/"}),
        [{"type": "clicked", "ip": "203.0.113.7", "user_agent": AGENT, "url": "https://acme.example/"}],
    ),
    (event("email.received"), []),
    (event("contact.created"), []),
]


def test_events_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN)}
    found = landed("resend", *(sample for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_a_signature_is_refused_when_it_is_old_or_of_another_event(collector):
    webhooks = collector()
    body, headers = resend(event("email.opened"))
    assert webhooks.post("resend", body, headers | {"svix-id": "msg_2"}).status_code == 401
    assert webhooks.post("resend", body + b" ", headers).status_code == 401
    assert webhooks.post("resend", body, {}).status_code == 401
    assert webhooks.post("resend", *resend(event("email.opened"), timestamp=THEN - 600)).status_code == 401
    assert webhooks.post("resend", *resend(event("email.opened"), timestamp=THEN + 600)).status_code == 401
    assert webhooks.post("resend", body, headers).status_code == 200


def test_an_attempt_that_is_signed_anew_lands_under_the_same_id(collector):
    webhooks = collector()
    for timestamp in (THEN, THEN + 30):
        assert webhooks.post("resend", *resend(event("email.opened"), timestamp=timestamp)).status_code == 200
    assert [row["engagement_id"] for row in webhooks.rows()] == ["resend:msg_1:opened"] * 2


@pytest.mark.parametrize("value", ["whsec_", "whsec_not base64!", "re_123"])
def test_what_is_no_signing_secret_is_told_at_the_start(collector, value):
    with pytest.raises(DripsError, match="DRIPS_WEBHOOK_RESEND: not a signing secret"):
        collector(DRIPS_WEBHOOK_RESEND=value)
