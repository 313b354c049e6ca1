"""Brevo: what each documented event becomes. Shapes: «Transactional webhooks»."""

import json

from tests.collector.webhooks.signing import OURS, THEN, TOKEN, basic, iso, request

PROXY = "opened by a proxy, as Brevo says"


def event(name, **members):
    return {
        "event": name,
        "email": "ada@acme.example",
        "id": 26224,
        "date": "2026-03-01 12:59:00",
        "ts": THEN + 3600,
        "message-id": "<202603011159.5787683217@smtp-relay.mailin.fr>",
        "ts_event": THEN,
        "ts_epoch": THEN * 1000,
        "subject": "Welcome",
        "X-Mailin-custom": json.dumps({"drips_message_id": OURS}),
        "sending_ip": "198.51.100.9",
        "tags": ["onboarding"],
    } | members


SAMPLES = [
    (event("request"), []),
    (event("delivered"), [{"type": "delivered"}]),
    (event("deferred", reason="421 try later"), [{"type": "deferred", "detail": "421 try later"}]),
    (
        event("soft_bounce", reason=" 452 4.2.2 mailbox full"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "452 4.2.2 mailbox full"}],
    ),
    (
        event("hard_bounce", reason="550 5.1.1 no such user"),
        [{"type": "bounced", "bounce_class": "hard", "detail": "550 5.1.1 no such user"}],
    ),
    (event("invalid_email"), [{"type": "bounced", "bounce_class": "hard"}]),
    (
        event("blocked", reason="blocked : due to blacklist user"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "blocked : due to blacklist user"}],
    ),
    (event("error"), [{"type": "bounced", "bounce_class": "soft"}]),
    (event("opened", user_agent="Mozilla/5.0 (X11)"), [{"type": "opened", "user_agent": "Mozilla/5.0 (X11)"}]),
    (event("unique_opened"), [{"type": "opened"}]),
    (event("proxy_open"), [{"type": "opened", "detail": PROXY}]),
    (event("unique_proxy_open"), [{"type": "opened", "detail": PROXY}]),
    (
        event("click", link="https://acme.example/", ip="203.0.113.7"),
        [{"type": "clicked", "url": "https://acme.example/", "ip": "203.0.113.7"}],
    ),
    (event("spam"), [{"type": "complained"}]),
    (event("complaint"), [{"type": "complained"}]),
    (event("unsubscribed"), [{"type": "unsubscribed"}]),
    (event("list_addition"), []),
]


def test_events_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN)}
    found = landed("brevo", *(sample for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_events_may_come_in_an_array(landed):
    (rows,) = landed("brevo", [event("delivered"), event("opened")])
    assert [row["type"] for row in rows] == ["delivered", "opened"]


def test_times_in_seconds_and_a_bare_id_are_read_as_well(landed):
    # So the documentation's own samples have them.
    ((row,),) = landed("brevo", event("delivered", ts_epoch=THEN, **{"X-Mailin-custom": OURS}))
    assert (row["message_id"], row["occurred_at"]) == (OURS, iso(THEN))


def test_a_token_is_a_bearer_token_and_nothing_else(collector):
    webhooks = collector()
    body, good = request("brevo", event("delivered"))
    assert webhooks.post("brevo", body, good).status_code == 200
    for headers in ({}, {"Authorization": TOKEN}, {"Authorization": "Bearer"}, basic(TOKEN + ":"), basic(f"a:{TOKEN}")):
        refused = webhooks.post("brevo", body, headers)
        assert (refused.status_code, "www-authenticate" in refused.headers) == (401, False)
