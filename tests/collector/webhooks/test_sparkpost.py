"""SparkPost: what each documented event becomes. Shapes: the webhooks' event reference."""

from tests.collector.webhooks.signing import OURS, THEN, TOKEN, iso, request

AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_3) AppleWebKit/537.36"
PERSON = {"user_agent": AGENT, "ip_address": "203.0.113.7"}
DID = {"user_agent": AGENT, "ip": "203.0.113.7"}


def event(kind, wrapper="message_event", **members):
    return {
        "msys": {
            wrapper: {
                "type": kind,
                "event_id": f"92356927693813856-{kind}",
                "message_id": "000443ee14578172be22",
                "transmission_id": "65832150921904138",
                "rcpt_meta": {"drips_message_id": OURS},
                "rcpt_to": "ada@acme.example",
                "timestamp": str(THEN),
            }
            | members
        }
    }


def bounce(code, kind="bounce"):
    return event(kind, bounce_class=code, error_code="550", raw_reason="550 5.1.1 said no", reason="550 …")


def bounced(how, code):
    return [{"type": "bounced", "bounce_class": how, "detail": f"550 5.1.1 said no bounce class {code}"}]


SAMPLES = [
    (event("injection"), []),
    (event("delivery", ip_address="198.51.100.1"), [{"type": "delivered"}]),
    (
        event("delay", error_code="454", raw_reason="454 4.4.4 no MX", bounce_class="21"),
        [{"type": "deferred", "detail": "454 4.4.4 no MX bounce class 21"}],
    ),
    *((bounce(code), bounced("hard", code)) for code in ("10", "30")),
    *((bounce(code), bounced("soft", code)) for code in ("1", "20", "22", "40", "50", "51", "70", "999")),
    *((bounce(code), []) for code in ("60", "80", "100")),
    (bounce("90"), [{"type": "unsubscribed", "detail": "550 5.1.1 said no bounce class 90"}]),
    (bounce("10", "out_of_band"), bounced("hard", "10")),
    (bounce("25", "policy_rejection"), bounced("soft", "25")),
    (
        event("generation_rejection", "gen_event", raw_reason="554 5.7.1 suppressed", error_code="554"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "554 5.7.1 suppressed"}],
    ),
    (
        event("generation_failure", "gen_event", raw_reason="554 5.3.3 rendering", error_code="554"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "554 5.3.3 rendering"}],
    ),
    (event("spam_complaint", fbtype="abuse"), [{"type": "complained"}]),
    (event("open", "track_event", **PERSON), [{"type": "opened"} | DID]),
    (
        event("open", "track_event", is_prefetched=True, **PERSON),
        [{"type": "opened", "detail": "fetched ahead by a machine, as SparkPost says"} | DID],
    ),
    (event("initial_open", "track_event", **PERSON), []),
    (event("amp_open", "track_event", **PERSON), [{"type": "opened"} | DID]),
    (
        event("click", "track_event", target_link_url="https://acme.example/", **PERSON),
        [{"type": "clicked", "url": "https://acme.example/"} | DID],
    ),
    (event("list_unsubscribe", "unsubscribe_event", mailfrom="x@acme.example"), [{"type": "unsubscribed"}]),
    (event("link_unsubscribe", "unsubscribe_event", **PERSON), [{"type": "unsubscribed"} | DID]),
]


def test_events_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN)}
    found = landed("sparkpost", *([sample] for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_a_time_may_be_written_out(landed):
    ((row,),) = landed("sparkpost", [event("delivery", timestamp="2026-03-01T11:59:00.000+00:00")])
    assert row["occurred_at"] == iso(THEN)


def test_the_try_whether_somebody_is_there_is_no_event(collector):
    webhooks = collector()
    assert webhooks.deliver("sparkpost", [{"msys": {}}]).status_code == 200
    assert webhooks.rows() == []


def test_sparkposts_own_token_header_will_do(collector):
    webhooks = collector(DRIPS_WEBHOOK_SPARKPOST=TOKEN)
    body, _ = request("sparkpost", [event("delivery")])
    assert webhooks.post("sparkpost", body, {"X-MessageSystems-Webhook-Token": TOKEN}).status_code == 200
    assert webhooks.post("sparkpost", body, {"X-MessageSystems-Webhook-Token": "another"}).status_code == 401
