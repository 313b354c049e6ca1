"""Webhooks and hooks: no secret is kept, nothing is fetched from strangers, and what was signed long ago is refused."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.events.hooks_config import read_hooks
from dagster_drips.collector.kept_headers import kept_headers
from dagster_drips.collector.webhooks import PROVIDERS
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import load_settings
from dagster_drips.vocabulary import LANDING_KINDS
from tests.collector.collecting import counted
from tests.collector.event_server import Collector, serving
from tests.collector.webhooks import signing
from tests.collector.webhooks.conftest import Webhooks, amazon
from tests.collector.webhooks.test_every_provider import OPENED

Start = Callable[..., Webhooks]
SECRET = "a shared secret"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A collector whose clock is so far behind or ahead of what the providers sign."""
    for kind in (*(f"data/landing/{kind}" for kind in LANDING_KINDS), "sequences", "dbt_project"):
        (tmp_path / kind).mkdir(parents=True)
    project = Project(tmp_path)
    started: list[Webhooks] = []

    def start(late: timedelta = timedelta(0), **variables: str) -> Webhooks:
        for name, value in {**signing.settings(), **variables}.items():
            monkeypatch.setenv(name, value)
        now = signing.NOW - timedelta(minutes=1) + late
        started.append(Webhooks(CollectorContext.of(project, load_settings(project), now=lambda: now), amazon))
        return started[-1]

    yield start
    for one in started:
        one.close()


# Secrets --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", signing.PROVIDERS)
def test_no_header_is_kept_but_those_that_are_named(start: Start, provider: str) -> None:
    webhooks = start()
    body, headers = signing.request(provider, OPENED[provider])
    secret = {"X-MessageSystems-Webhook-Token": signing.USER} if provider == "sparkpost" else {}
    strange = {"X-Api-Key": signing.TOKEN, "Cookie": signing.TOKEN, "X-Forwarded-Authorization": signing.TOKEN}
    assert webhooks.post(provider, body, headers | secret | strange).status_code == 200
    (kept,) = webhooks.rows(f"raw/{provider}")
    allowed = {name for one in PROVIDERS if one.name == provider for name in one.kept_headers}
    assert set(kept["headers"]) <= allowed | {"content-type", "content-encoding", "user-agent"}
    assert not [value for value in kept["headers"].values() if signing.TOKEN in value or signing.USER in value]


def test_a_token_in_a_header_of_the_providers_own_is_in_no_file(start: Start, tmp_path: Path) -> None:
    webhooks = start(DRIPS_WEBHOOK_SPARKPOST=signing.TOKEN)
    body, _ = signing.request("sparkpost", OPENED["sparkpost"])
    headers = {"X-MessageSystems-Webhook-Token": signing.TOKEN}
    assert webhooks.post("sparkpost", body, headers).status_code == 200
    webhooks.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and signing.TOKEN.encode() in path.read_bytes()]


def test_headers_that_hold_secrets_by_definition_are_kept_by_nobody() -> None:
    given = {"authorization": "x", "cookie": "y", "proxy-authorization": "z", "x-topic": "t", "x-other": "o"}
    assert kept_headers(given, ["Authorization", "Cookie", "Proxy-Authorization", "X-Topic"]) == {"x-topic": "t"}


# Time -----------------------------------------------------------------------------------------------------------------

SIGNED = {"sendgrid": 300, "mailgun": 300, "resend": 300, "ses": 3600}


@pytest.mark.parametrize("provider", SIGNED)
@pytest.mark.parametrize("direction", [1, -1])
def test_what_was_signed_too_far_from_the_clock_is_refused_and_counted(
    start: Start, provider: str, direction: int
) -> None:
    within = timedelta(seconds=direction * SIGNED[provider])
    for late, status in ((within, 200), (within + timedelta(seconds=direction), 401)):
        webhooks = start(late)
        assert webhooks.deliver(provider, OPENED[provider]).status_code == status
    assert webhooks.counted("webhook_requests", provider, "stale") == 1
    assert webhooks.counted("webhook_requests", provider, "forged") == 0


@pytest.mark.parametrize("provider", SIGNED)
def test_how_far_is_a_setting(start: Start, provider: str) -> None:
    webhooks = start(timedelta(hours=8), **{f"DRIPS_WEBHOOK_{provider.upper()}_TOLERANCE": "28800"})
    assert webhooks.deliver(provider, OPENED[provider]).status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DRIPS_WEBHOOK_MAILGUN_TOLERANCE", "soon", "DRIPS_WEBHOOK_MAILGUN_TOLERANCE: not a number of seconds"),
        ("DRIPS_WEBHOOK_MAILGUN_TOLERANCE", "9" * 5000, "not a number of seconds between"),
        ("DRIPS_WEBHOOK_BREVO_TOLERANCE", "300", "DRIPS_WEBHOOK_BREVO_TOLERANCE: not a known provider"),
    ],
)
def test_a_bad_setting_is_told_at_the_start(start: Start, name: str, value: str, words: str) -> None:
    with pytest.raises(DripsError, match=words):
        start(**{name: value})


def test_digits_moved_from_mailguns_token_to_its_time_prove_no_other_event(start: Start) -> None:
    """Both are signed without a sign between them, so that one signature fits several times and tokens."""
    webhooks = start()
    body, _ = signing.mailgun(OPENED["mailgun"], token="123abc")
    assert webhooks.post("mailgun", body).status_code == 200
    forged = json.loads(body)
    block = forged["signature"]
    forged["signature"] = block | {"timestamp": block["timestamp"] + "123", "token": "abc"}
    forged["event-data"]["event"] = "complained"
    assert webhooks.post("mailgun", json.dumps(forged).encode()).status_code == 401
    assert [row["type"] for row in webhooks.rows()] == ["opened"]


# Amazon ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *("sns.s3.amazonaws.com", "sns.us-east-1.amazonaws.com", "sns.eu-west-1.amazonaws.com.cn"),
        *("sns.eu-west-1.amazonaws.com.", "SNS.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com:443"),
        *("sns.eu-west-1.amazonaws.com.evil.example", "sns-eu-west-1.amazonaws.com", "x@sns.eu-west-1.amazonaws.com"),
    ],
)
def test_a_certificate_comes_from_the_topics_own_region_and_from_nowhere_else(start: Start, host: str) -> None:
    asked: list[str] = []

    def web(url: str) -> bytes:
        asked.append(url)
        return signing.certificate()

    webhooks = Webhooks(start().context, web)
    url = signing.CERTIFICATE_URL.replace("sns.eu-west-1.amazonaws.com", host)
    assert webhooks.post("ses", *signing.sns("{}", SigningCertURL=url)).status_code == 401
    assert asked == []
    webhooks.close()


def test_a_topic_in_china_has_its_own_hosts(start: Start) -> None:
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:mail-events"
    webhooks = Webhooks(start(DRIPS_WEBHOOK_SES=topic).context, lambda _: signing.certificate())
    ours = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a1b.pem"
    for url, status in ((ours, 200), (ours.removesuffix(".pem"), 401), (ours.replace(".com.cn", ".com"), 401)):
        assert webhooks.post("ses", *signing.sns("{}", SigningCertURL=url, TopicArn=topic)).status_code == status
    webhooks.close()


def test_a_version_of_signatures_that_is_not_known_proves_nothing(start: Start) -> None:
    assert start().post("ses", *signing.sns("{}", version="3")).status_code == 401


@pytest.mark.parametrize(
    "topic",
    [
        "arn:aws:sns:s3:123456789012:mail-events",
        "arn:aws:sns:eu-west-1.evil:123456789012:mail-events",
        "arn:aws:sns:.*:123456789012:mail-events",
        "arn:aws:sns:eu-west-1:1:mail-events",
    ],
)
def test_what_names_no_region_is_no_topic(start: Start, topic: str) -> None:
    with pytest.raises(DripsError, match="not the ARN of an SNS topic"):
        start(DRIPS_WEBHOOK_SES=topic)


# Hooks ----------------------------------------------------------------------------------------------------------------

HOOKS = """
hooks:
  pay:
    signature: {header: Pay-Signature, parts: {timestamp: t, signature: v1}}
    events: [{event: paid, lead_id: who, properties: {shop: "@X-Shop"}}]
  slow:
    signature: {header: Pay-Signature, parts: {timestamp: t, signature: v1, tolerance: {hours: 1}}}
    events: [{event: paid, lead_id: who}]
  crm:
    secret: {header: X-Token}
    events: [{event: noted, lead_id: who}]
"""
NOON = 1772366400


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Collector]:
    (tmp_path / "sequences").mkdir(exist_ok=True)
    (tmp_path / "sequences" / "hooks.yml").write_text(HOOKS)
    (tmp_path / ".env").write_text("".join(f"DRIPS_HOOK_SECRET_{name}={SECRET!r}\n" for name in ("PAY", "SLOW", "CRM")))
    with ExitStack() as stack:
        yield stack.enter_context(serving(tmp_path, now=datetime(2026, 3, 1, 12)))


def _signed(body: bytes, when: int | str) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), f"{when}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Pay-Signature": f"t={when},v1={digest}"}


def test_a_hooks_signed_time_is_compared_with_the_clock_in_both_directions(hooks: Collector) -> None:
    body = b'{"who": "ada"}'
    for name, seconds in (("pay", 300), ("slow", 3600)):
        for when in (NOON - seconds, NOON + seconds):
            assert hooks.post(f"/hooks/{name}", body, key=None, headers=_signed(body, when)).status_code == 200
        for stale in (NOON - seconds - 1, NOON + seconds + 1, "", "soon", "nan", "1e999", NOON * 1000):
            assert hooks.post(f"/hooks/{name}", body, key=None, headers=_signed(body, stale)).status_code == 401
    assert counted(hooks.context.metrics, "refused_hooks", reason="stale") == 14
    assert len(hooks.rows("events")) == 4


def test_a_rule_that_reads_the_secrets_header_is_a_mistake() -> None:
    content = HOOKS + "\n".join(["", "  leaky:", "    secret: {header: X-Token}", "    events:"])
    _, problems = read_hooks(f'{content} [{{event: e, lead_id: "@x-token"}}]'.encode())
    assert "a rule reads @x-token, so the secret would stand in every event" in str(problems[0])


def test_of_a_hooks_headers_those_are_kept_that_its_rules_read_and_never_its_secret(hooks: Collector) -> None:
    body = b"{}"
    others = {"X-Shop": "acme", "X-Api-Key": "k3y", "Authorization": "Bearer t0ken"}
    assert hooks.post("/hooks/pay", body, key=None, headers=_signed(body, NOON) | others).status_code == 200
    assert hooks.post("/hooks/crm", body, key=None, headers={"X-Token": SECRET} | others).status_code == 200
    (paid,) = hooks.rows("raw/hooks-pay")
    assert {"x-shop", "pay-signature"} <= set(paid["headers"]) <= {"x-shop", "pay-signature", "problem", "user-agent"}
    (noted,) = hooks.rows("raw/hooks-crm")
    assert set(noted["headers"]) <= {"problem", "user-agent"}
