"""What holds for all providers: refused and kept, unknown and foreign events, batches, repeated attempts."""

from datetime import datetime

import pytest

from dagster_drips.collector.webhooks import PROVIDERS as KNOWN
from dagster_drips.collector.webhooks.payload import described
from dagster_drips.errors import DripsError
from dagster_drips.landing.load import load_landing
from dagster_drips.message.provider_headers import HEADERS, headers_for, provider_of
from dagster_drips.settings import load_settings
from dagster_drips.warehouse.port import open_warehouse
from tests.collector.webhooks import (
    test_brevo,
    test_mailgun,
    test_mailjet,
    test_postmark,
    test_resend,
    test_sendgrid,
    test_ses,
    test_sparkpost,
)
from tests.collector.webhooks.signing import OURS, PROVIDERS, request, settings

OPENED = {
    "sendgrid": [test_sendgrid.event("open")],
    "ses": test_ses.event("Open", "open", test_ses.ACT),
    "mailgun": test_mailgun.event("opened"),
    "postmark": test_postmark.record("Open", ReceivedAt=test_postmark.WHEN),
    "mailjet": [test_mailjet.event("open")],
    "brevo": test_brevo.event("opened"),
    "resend": test_resend.event("email.opened"),
    "sparkpost": [test_sparkpost.event("open", "track_event")],
}
SAMPLES = {
    "sendgrid": [[sample] for sample, _ in test_sendgrid.SAMPLES],
    "ses": [sample for sample, _ in test_ses.SAMPLES],
    "mailgun": [sample for sample, _ in test_mailgun.SAMPLES],
    "postmark": [sample for sample, _ in test_postmark.SAMPLES],
    "mailjet": [[sample] for sample, _ in test_mailjet.SAMPLES],
    "brevo": [sample for sample, _ in test_brevo.SAMPLES],
    "resend": [sample for sample, _ in test_resend.SAMPLES],
    "sparkpost": [[sample] for sample, _ in test_sparkpost.SAMPLES],
}
BATCHES = ("sendgrid", "mailjet", "brevo", "sparkpost")

every_provider = pytest.mark.parametrize("provider", PROVIDERS)


def renamed(value, name):
    """The same event under another name."""
    if isinstance(value, list):
        return [renamed(one, name) for one in value]
    if "msys" in value:
        return {"msys": {kind: renamed(inner, name) for kind, inner in value["msys"].items()}}
    keys = ("event", "eventType", "RecordType", "type")
    key = next(key for key in keys if key in value)
    return value | {key: name}


def without_id(value):
    """The same event with our message id gone from it."""
    if isinstance(value, dict):
        return {name: without_id(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_id(one) for one in value]
    return value.replace(OURS, "theirs") if isinstance(value, str) else value


def test_the_list_is_that_of_the_files():
    assert tuple(provider.name for provider in KNOWN) == PROVIDERS


@every_provider
def test_an_event_is_kept_as_it_came_beside_what_it_became(collector, provider):
    webhooks = collector(provider)
    body, headers = request(provider, OPENED[provider])
    assert webhooks.post(provider, body, headers).json() == {"landed": 1}
    assert webhooks.bodies(provider) == [body]
    (row,) = webhooks.rows()
    assert (row["message_id"], row["type"]) == (OURS, "opened")
    assert row["engagement_id"].startswith(f"{provider}:")
    assert webhooks.counted("webhook_events", provider, "landed") == 1
    assert webhooks.counted("webhook_requests", provider, "accepted") == 1


@every_provider
def test_no_secret_is_kept(collector, provider):
    webhooks = collector(provider)
    webhooks.deliver(provider, OPENED[provider])
    (kept,) = webhooks.rows(f"raw/{provider}")
    assert "authorization" not in {name.lower() for name in kept["headers"]}


@every_provider
def test_a_forged_request_is_refused_and_counted_and_leaves_nothing(collector, provider):
    webhooks = collector(provider)
    body, headers = request(provider, OPENED[provider])
    if provider in ("ses", "mailgun"):
        body = body.replace(b'"token": "', b'"token": "0').replace(b"Open", b"Click")
    else:
        headers = {name: "v1,AAAA" if "ign" in name else "Basic AAAA" for name in headers}
    assert webhooks.post(provider, body, headers).status_code == 401
    assert webhooks.counted("webhook_requests", provider, "forged") == 1
    assert (webhooks.rows(), webhooks.rows(f"raw/{provider}")) == ([], [])


@every_provider
def test_a_provider_that_is_not_set_up_is_not_there_and_counted(collector, provider):
    others = {name: value for name, value in settings().items() if not name.endswith(provider.upper())}
    webhooks = collector(**others)
    assert webhooks.deliver(provider, OPENED[provider]).status_code == 404
    assert webhooks.counted("webhook_requests", provider, "not_set_up") == 1


@every_provider
def test_an_event_nobody_knows_is_kept_raw_and_counted_and_no_error(collector, provider):
    webhooks = collector(provider)
    answer = webhooks.deliver(provider, renamed(OPENED[provider], "teleported"))
    assert (answer.status_code, answer.json()) == (200, {"landed": 0})
    assert webhooks.counted("webhook_events", provider, "unknown") == 1
    assert (webhooks.rows(), len(webhooks.bodies(provider))) == ([], 1)


@every_provider
def test_an_event_of_another_systems_mail_is_kept_raw_and_counted(collector, provider):
    webhooks = collector(provider)
    assert webhooks.deliver(provider, without_id(OPENED[provider])).status_code == 200
    assert webhooks.counted("webhook_events", provider, "unattributed") == 1
    assert (webhooks.rows(), len(webhooks.bodies(provider))) == ([], 1)


@every_provider
def test_a_body_of_another_form_is_no_error_to_the_provider(collector, provider):
    webhooks = collector(provider)
    payloads = ("text", 7, None, [], {}, [[1]], {"event": {}, "type": [], "RecordType": 1, "data": 1, "msys": 1})
    for payload in payloads:
        assert webhooks.deliver(provider, payload).json() == {"landed": 0}
    assert (webhooks.rows(), len(webhooks.bodies(provider))) == ([], len(payloads))


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name not in ("ses", "mailgun")])
def test_what_is_no_json_is_kept_raw_and_counted(collector, provider):
    webhooks = collector(provider)
    _, headers = request(provider, OPENED[provider])
    if provider in ("sendgrid", "resend"):
        # Their signatures are of the body; a text is as close to no JSON as they get.
        assert webhooks.deliver(provider, "not an event").status_code == 200
    else:
        assert webhooks.post(provider, b"\xff not JSON", headers).status_code == 200
    assert webhooks.counted("webhook_events", provider, "unreadable") == 1
    assert len(webhooks.bodies(provider)) == 1


@pytest.mark.parametrize("provider", BATCHES)
def test_a_batch_lands_what_it_knows_of_several_messages(collector, provider):
    (one,) = OPENED[provider] if isinstance(OPENED[provider], list) else [OPENED[provider]]
    webhooks = collector(provider)
    assert webhooks.deliver(provider, [one, renamed(one, "teleported"), without_id(one), one]).json() == {"landed": 2}
    outcomes = ("landed", "unknown", "unattributed")
    assert [webhooks.counted("webhook_events", provider, outcome) for outcome in outcomes] == [2, 1, 1]


@pytest.mark.parametrize(
    ("provider", "member"),
    [("sendgrid", "timestamp"), ("mailgun", "timestamp"), ("postmark", "ReceivedAt"), ("mailjet", "time")],
)
def test_a_time_that_cant_be_read_or_lies_ahead_is_that_of_receiving(collector, provider, member):
    webhooks = collector(provider)
    sample = OPENED[provider]
    for value in ("2999-01-01T00:00:00Z", "soon", 10**30, None):
        late = [sample[0] | {member: value}] if isinstance(sample, list) else sample | {member: value}
        webhooks.deliver(provider, late)
    assert [row["occurred_at"] for row in webhooks.rows()] == ["2026-03-01T12:00:00.000Z"] * 4


@every_provider
def test_all_samples_load_and_a_repeated_attempt_adds_nothing(collector, project, provider):
    webhooks = collector(provider)
    for _ in range(2):
        for sample in SAMPLES[provider]:
            options = {"event_id": f"msg_{SAMPLES[provider].index(sample)}"} if provider == "resend" else {}
            options |= {"MessageId": f"sns-{SAMPLES[provider].index(sample)}"} if provider == "ses" else {}
            assert webhooks.deliver(provider, sample, **options).status_code == 200
    ids = [row["engagement_id"] for row in webhooks.rows()]
    assert ids[: len(ids) // 2] == ids[len(ids) // 2 :]
    with open_warehouse(project.warehouse) as warehouse:
        load_landing(project, warehouse, loaded_at=datetime(2026, 3, 1, 13))
        assert warehouse.rows("select reason, row from raw.rejected_rows") == []
        assert warehouse.rows("select count(*) as facts from raw.engagement") == [{"facts": len(set(ids))}]


@every_provider
def test_what_cant_be_kept_is_to_be_sent_again(collector, project, provider):
    webhooks = collector(provider)
    folder = project.landing / "engagement"
    folder.rmdir()
    folder.write_text("in the way")
    assert webhooks.deliver(provider, OPENED[provider]).status_code == 503
    assert webhooks.counted("webhook_events", provider, "landed") == 0
    folder.unlink()
    assert webhooks.deliver(provider, OPENED[provider]).status_code == 200
    assert len(webhooks.rows()) == 1


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("DRIPS_WEBHOOK_SENDGIRD", "DRIPS_WEBHOOK_SENDGIRD: not a known provider"),
        ("DRIPS_WEBHOOK_BREVO_CONFIRM", "not a"),
    ],
)
def test_a_setting_of_no_provider_is_told_at_the_start(collector, variable, words):
    with pytest.raises(DripsError, match=words):
        collector(**{variable: "s3cret"})


def test_settings_come_from_the_env_file_too_and_are_masked(project, monkeypatch):
    (project.root / ".env").write_text("DRIPS_WEBHOOK_POSTMARK=hook:old\nDRIPS_WEBHOOK_BREVO=t0ken\n")
    monkeypatch.setenv("DRIPS_WEBHOOK_POSTMARK", "hook:new")
    found = load_settings(project)
    assert {name: value.get_secret_value() for name, value in found.webhooks.items()} == {
        "postmark": "hook:new",
        "brevo": "t0ken",
    }
    assert "t0ken" not in repr(found)
    assert found.shown()["DRIPS_WEBHOOK_BREVO"] == "********"


@pytest.mark.parametrize(
    ("host", "header"),
    [
        ("smtp.sendgrid.net", {"X-SMTPAPI": f'{{"unique_args":{{"drips_message_id":"{OURS}"}}}}'}),
        ("email-smtp.eu-west-1.amazonaws.com", {"X-SES-MESSAGE-TAGS": f"drips_message_id={OURS}"}),
        ("SMTP.eu.mailgun.org.", {"X-Mailgun-Variables": f'{{"drips_message_id":"{OURS}"}}'}),
        ("smtp.postmarkapp.com", {"X-PM-Metadata-drips_message_id": OURS}),
        ("in-v3.mailjet.com", {"X-MJ-CustomID": OURS}),
        ("smtp-relay.brevo.com", {"X-Mailin-custom": f'{{"drips_message_id":"{OURS}"}}'}),
        ("smtp.resend.com", {}),
        ("smtp.sparkpostmail.com", {"X-MSYS-API": f'{{"metadata":{{"drips_message_id":"{OURS}"}}}}'}),
        ("mail.acme.example", {}),
    ],
)
def test_a_message_carries_what_its_provider_returns(host, header):
    assert headers_for(host, OURS) == header


def test_every_provider_but_resend_needs_a_header():
    assert {*HEADERS, "resend"} == set(PROVIDERS)
    assert provider_of("smtp.resend.com") == "resend"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("5.1.1", "550 5.1.1  no\nuser"), "550 5.1.1 no user"),
        (("same", "same"), "same"),
        ((None, " ", ""), None),
        (("a", None, "b"), "a b"),
    ],
)
def test_reason_and_code_are_one_line_without_repetition(parts, words):
    assert described(*parts) == words
