"""SNS: whose messages are taken, what is fetched and what never, and subscriptions."""

import http.server
import threading
from datetime import timedelta

import pytest

from dagster_drips.collector.webhooks.sns import https_get
from dagster_drips.errors import DripsError
from tests.collector.webhooks.signing import CERTIFICATE_URL, NOW, OURS, TOPIC, certificate, settings, sns

OPENED = {"eventType": "Open", "open": {}, "mail": {"tags": {"drips_message_id": [OURS]}}}
SUBSCRIBE = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
CONFIRMATION = {"Type": "SubscriptionConfirmation", "Token": "2336412f37", "SubscribeURL": SUBSCRIBE}


class Web:
    """Amazon's part of the web, which remembers what was asked for."""

    def __init__(self, content=None):
        self.asked = []
        self.content = content or certificate()

    def __call__(self, url):
        self.asked.append(url)
        if self.content == b"down":
            raise OSError("connection refused")
        return self.content


@pytest.fixture
def web():
    return Web()


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("members", [{}, {"Subject": "Amazon SES Email Event Notification"}])
def test_a_message_that_amazon_signed_is_taken_and_the_certificate_fetched_once(collector, web, version, members):
    webhooks = collector(fetch=web)
    for _ in range(2):
        assert webhooks.post("ses", *sns(OPENED, version=version, **members)).status_code == 200
    assert web.asked == [CERTIFICATE_URL]


def test_a_changed_message_is_refused(collector, web):
    webhooks = collector(fetch=web)
    body, headers = sns(OPENED)
    assert webhooks.post("ses", body.replace(b"Open", b"Sent"), headers).status_code == 401
    assert (
        webhooks.post("ses", body.replace(b'"SignatureVersion": "2"', b'"SignatureVersion": "1"'), headers).status_code
        == 401
    )
    assert webhooks.counted("webhook_requests", "ses", "forged") == 2


def test_a_topic_of_somebody_else_is_refused_though_amazon_signed_it(collector, web):
    webhooks = collector(fetch=web)
    assert webhooks.post("ses", *sns(OPENED, TopicArn="arn:aws:sns:eu-west-1:999999999999:theirs")).status_code == 401
    assert web.asked == []


ELSEWHERE = [
    "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
    "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0a1b.pem",
    "https://evil.example/SimpleNotificationService-0a1b.pem",
    "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0a1b.pem",
    "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0a1b.pem",
    "https://sns.eu-west-1.amazonaws.com:port/SimpleNotificationService-0a1b.pem",
    "https://bucket.s3.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
    "https://sns.eu-west-1.amazonaws.com/anything/else.pem",
    "https://[sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
    "https://sns.eu-west-1.amazonaws.com/Simple\nNotificationService-0a1b.pem",
    "https://sns.eu-west-1.amazonaws.com\t.evil.example/SimpleNotificationService-0a1b.pem",
    "",
]


def test_no_certificate_is_fetched_from_anywhere_else(collector, web):
    webhooks = collector(fetch=web)
    answers = [webhooks.post("ses", *sns(OPENED, SigningCertURL=url)).status_code for url in ELSEWHERE]
    assert (answers, web.asked) == ([401] * len(ELSEWHERE), [])


def test_what_is_no_message_of_sns_is_refused(collector, web):
    webhooks = collector(fetch=web)
    for body in (b"", b"[]", b"{}", b'{"TopicArn": ["x"]}', f'{{"TopicArn": "{TOPIC}"}}'.encode()):
        assert webhooks.post("ses", body).status_code == 401
    assert web.asked == []


def test_a_certificate_that_has_run_out_proves_nothing(collector):
    webhooks = collector(fetch=Web(certificate(until=NOW - timedelta(days=1))))
    assert webhooks.post("ses", *sns(OPENED)).status_code == 401


@pytest.mark.parametrize("content", [b"down", b"<html>no certificate</html>"])
def test_without_the_certificate_amazon_is_asked_to_come_again(collector, content):
    webhooks = collector(fetch=Web(content))
    answer = webhooks.post("ses", *sns(OPENED))
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert webhooks.rows() == []
    assert webhooks.rows("raw/ses") == []


def test_a_subscription_is_confirmed_only_where_the_owner_says_so(collector, web):
    webhooks = collector(fetch=web)
    assert webhooks.post("ses", *sns("You have chosen to subscribe", **CONFIRMATION)).status_code == 200
    assert web.asked == [CERTIFICATE_URL]
    assert len(webhooks.bodies("ses")) == 1

    willing = collector(fetch=web, **settings(), DRIPS_WEBHOOK_SES_CONFIRM="yes")
    assert willing.post("ses", *sns("You have chosen to subscribe", **CONFIRMATION)).status_code == 200
    assert web.asked == [CERTIFICATE_URL, CERTIFICATE_URL, SUBSCRIBE]


def test_to_unsubscribe_is_left_alone(collector, web):
    webhooks = collector(fetch=web, **settings(), DRIPS_WEBHOOK_SES_CONFIRM="yes")
    members = CONFIRMATION | {"Type": "UnsubscribeConfirmation"}
    assert webhooks.post("ses", *sns("You have chosen to deactivate", **members)).status_code == 200
    assert web.asked == [CERTIFICATE_URL]


@pytest.mark.parametrize(
    "url",
    [
        SUBSCRIBE.replace("https://sns.eu-west-1.amazonaws.com", "https://evil.example"),
        SUBSCRIBE.replace("https:", "http:"),
        SUBSCRIBE.replace("mail-events", "another"),
    ],
)
def test_a_subscription_is_never_confirmed_elsewhere(collector, web, url):
    webhooks = collector(fetch=web, **settings(), DRIPS_WEBHOOK_SES_CONFIRM="yes")
    assert webhooks.post("ses", *sns("Subscribe", **CONFIRMATION | {"SubscribeURL": url})).status_code == 503
    assert web.asked == [CERTIFICATE_URL]


def test_what_is_no_topic_is_told_at_the_start(collector):
    with pytest.raises(DripsError, match="DRIPS_WEBHOOK_SES: not the ARN of an SNS topic"):
        collector(DRIPS_WEBHOOK_SES="mail-events")


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302 if self.path == "/elsewhere" else 200)
        self.send_header("Location", "/small")
        self.end_headers()
        self.wfile.write(b"x" * (100_000 if self.path == "/large" else 5))

    def log_message(self, *_):
        pass


def test_fetching_takes_what_is_small_and_where_it_was_looked_for():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        assert https_get(base + "/small") == b"xxxxx"
        for path in ("/large", "/elsewhere"):
            with pytest.raises(OSError):
                https_get(base + path)
        server.shutdown()
