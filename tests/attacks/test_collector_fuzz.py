"""Random requests against all routes: no 500, no traceback, no redirect of others', no echo; what is 2xx is on disk."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from dagster_drips.collector.app import build_app
from dagster_drips.collector.context import CollectorContext
from dagster_drips.links.tokens import Purpose, Tokens
from dagster_drips.settings import Settings
from tests.collector.collecting import KEY, MESSAGE_ID, Served, landed, project_in, served

pytestmark = pytest.mark.slow

WRITE_KEY = "a write key of some thirty characters"
TOKENS = Tokens([KEY])
TOKEN = TOKENS.message(MESSAGE_ID, Purpose.OPEN)
TOKEN_OF = {
    path: TOKENS.message(MESSAGE_ID, purpose)
    for path, purpose in (
        ("c", Purpose.CLICK),
        ("v", Purpose.VIEW),
        ("u", Purpose.UNSUBSCRIBE),
        ("p", Purpose.PREFERENCES),
    )
}
TARGET = "https://acme.example/pricing"
URL = TOKENS.url(TARGET)
BASIC = b"Basic " + b64encode(f"{WRITE_KEY}:".encode())
MARK = "<zz'\"&"
"""Comes back as it is from nobody who escapes."""

METHODS = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", MARK])
PATHS = st.one_of(
    st.sampled_from(
        ["/", "", "//", "//evil.example/", "/health", "/health/", "/metrics", "/drips.js", "/v1/track", "/v1/batch",
         "/v1/batch/", "/v1/", "/v1/x", "/track", "/import", "/beacon/v1/batch", f"/o/{TOKEN}.gif", f"/o/{TOKEN}",
         f"/c/{TOKEN_OF['c']}/{URL}", f"/c/{TOKEN_OF['c']}/{URL}/", f"/v/{TOKEN_OF['v']}", f"/u/{TOKEN_OF['u']}",
         f"/u/{TOKEN_OF['u']}/", f"/p/{TOKEN_OF['p']}",
         "/hooks/cart", "/hooks/", "/webhooks/sendgrid", "/webhooks/ses", "/webhooks/none", f"/u/{MARK}",
         f"/c/{MARK}/x"]
    ),
    st.lists(
        st.sampled_from(["o", "c", "v", "u", "p", "v1", "hooks", "..", ".", "", TOKEN, URL, MARK, "\0", "\r\n", "é"])
    ).map(lambda parts: "/" + "/".join(parts)),
    st.text(max_size=40).map(lambda text: "/" + text),
)  # fmt: skip
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"host", b"authorization", b"content-encoding", b"content-length", b"content-type", b"x-forwarded-for",
             b"user-agent", b"referer", b"if-none-match", b"cookie", b"origin", b"sec-purpose", b"expect", b"x-zz"]
        ),
        st.one_of(
            st.sampled_from(
                [BASIC, b"Basic ====", b"Basic", b"gzip", b"br", b"-1", b"99999999999999999999", b"1e3",
                 b"application/x-www-form-urlencoded", b"1.1.1.1, <zz", MARK.encode(), b"100-continue", b"",
                 b"evil.example", b"\xff\xfe"]
            ),
            st.binary(max_size=30),
        ),
    ),
    max_size=6,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10) | st.just(MARK),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["type", "userId", "anonymousId", "previousId", "groupId", "event", "name", "properties", "traits", "context",
         "timestamp", "sentAt", "messageId", "writeKey", "batch"]  # fmt: skip
MESSAGES = st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from(["track", "identify", WRITE_KEY]), max_size=8)
TEXTS = (MESSAGES | st.lists(MESSAGES, max_size=4).map(lambda batch: {"batch": batch})).map(json.dumps).map(str.encode)
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=200),
    TEXTS,
    TEXTS.map(gzip.compress),
    st.sampled_from([b"wish=unsubscribe_all", b"wish=unsubscribe&topic=%3Czz'%22%26", b"[" * 5_000, b'{"a":' * 5_000]),
    st.integers(1, 5_000).map(lambda digits: b'{"userId":"a","event":"e","properties":{"n":' + b"9" * digits + b"}}"),
)
IDS = count()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> CollectorContext:
    project = project_in(tmp_path_factory.mktemp("fuzz") / "project")
    keys = {"secret_keys": (SecretStr(KEY),), "write_keys": (SecretStr(WRITE_KEY),)}
    return CollectorContext.of(project, Settings(**keys, _env_file=None))


class Application:
    """The ASGI application, asked without a server."""

    def __init__(self, context: CollectorContext):
        self.context = context
        self.app = build_app(context)
        self.accepted: set[str] = set()
        self.runner = asyncio.Runner()

    def ask(self, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        messages = iter([{"type": "http.request", "body": body}])

        async def receive() -> dict[str, Any]:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 5), "state": {},
        }  # fmt: skip
        self.runner.run(self.app(scope, receive, send))
        return sent


@pytest.fixture(scope="module")
def application(context: CollectorContext) -> Iterator[Application]:
    one = Application(context)
    # One for sure, also where the tests of this file run in several processes.
    one.ask("GET", f"/o/{TOKEN}.gif", [(b"user-agent", b"first")], b"")
    one.accepted.add("first")
    yield one
    one.runner.run(asyncio.to_thread(context.writer.close))
    one.runner.close()
    on_disk = {row.get("user_agent") for row in landed(context.project)}
    on_disk |= {row.get("event_id") for row in landed(context.project, "events")}
    assert one.accepted and one.accepted <= on_disk, "whatever was answered with 2xx is on disk"


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(method=METHODS, path=PATHS, headers=HEADERS, body=BODIES, has_key=st.booleans())
def test_any_request_gets_an_answer_that_harms_nobody(
    application: Application, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes, has_key: bool
) -> None:
    name = f"fuzz-{next(IDS)}"
    key = [(b"authorization", BASIC)] if has_key else []
    sent = application.ask(method, path, [*key, (b"user-agent", name.encode()), *headers], body)
    if not sent:
        return  # the body was never asked for and the client is gone
    check_answer(sent[0]["status"], dict(sent[0]["headers"]), b"".join(part.get("body", b"") for part in sent[1:]))
    if sent[0]["status"] == 200 and method == "GET" and path == f"/o/{TOKEN}.gif":
        application.accepted.add(name)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(message=MESSAGES)
def test_an_event_that_is_taken_is_on_disk(application: Application, message: dict[str, Any]) -> None:
    name = f"event-{next(IDS)}"
    body = json.dumps({"userId": "ada", "event": "e"} | message | {"messageId": name}).encode()
    start, end = application.ask("POST", "/v1/track", [(b"authorization", BASIC)], body)
    check_answer(start["status"], dict(start["headers"]), end["body"])
    if start["status"] == 200:
        application.accepted.add(name)


def check_answer(status: int, headers: dict[bytes, bytes], body: bytes) -> None:
    assert status in (200, 204, 302, 304, 400, 401, 404, 405, 408, 413, 415, 431, 503)
    assert headers.get(b"location", TARGET.encode()) == TARGET.encode(), "leads only where we signed it to lead"
    if headers.get(b"content-type", b"").startswith(b"text/html"):
        assert b"<zz" not in body
    assert b"Traceback" not in body and b'File "' not in body
    assert not any(b"\r" in value or b"\n" in value for value in headers.values())


LINES = st.sampled_from(
    [b"GET /health HTTP/1.1\r\n", b"POST /v1/track HTTP/1.1\r\n", b"GET /health/ HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n",
     b"GET /health\r\n", b"GET http://evil.example HTTP/1.1\r\n", b"OPTIONS * HTTP/1.1\r\n",
     b"CONNECT a:1 HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /%00%0d%0aSet-Cookie:a HTTP/1.1\r\n",
     b"GET /\xff HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00",
     b"TRACE /health HTTP/1.1\r\n", b"POST /u/x HTTP/9.9\r\n", b"\r\n\r\n", b"\0\0\0"]
)  # fmt: skip
FIELDS = st.lists(
    st.sampled_from(
        [b"Host: evil.example\r\n", b"Content-Length: 3\r\n", b"Content-Length: 4\r\n", b"Content-Length: -1\r\n",
         b"Content-Length: 1_0\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked, gzip\r\n",
         b"Transfer-Encoding : chunked\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n",
         b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"Expect: 100-continue\r\n", b" folded\r\n", b"no colon\r\n",
         b"a:\r\n" * 200, b"x: " + b"y" * 70_000 + b"\r\n", b"nul: \0\r\n", b"bare: a\rb\r\n", b"bare: a\nb\r\n"]
    ),
    max_size=5,
).map(b"".join)  # fmt: skip
CONTENTS = st.sampled_from(
    [b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3;ext=" + b"e" * 5_000 + b"\r\nabc\r\n0\r\n\r\n", b"-1\r\n\r\n",
     b"ffffffffffffffffff\r\n", b"0\r\n" + b"t: v\r\n" * 200 + b"\r\n", b"3\nabc\n0\n\n", b"0x3\r\nabc\r\n0\r\n\r\n"]
)  # fmt: skip
REQUESTS = st.tuples(LINES, FIELDS, st.just(b"\r\n"), CONTENTS).map(b"".join)
STREAMS = st.lists(REQUESTS | st.just(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n") | st.binary(max_size=30), max_size=6)
LAST = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = project_in(tmp_path_factory.mktemp("raw") / "project")
    with served(build_app(CollectorContext.of(project, Settings(_env_file=None)))) as one:
        yield one


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(stream=STREAMS.map(b"".join), cut=st.integers(0, 400))
def test_any_bytes_on_a_connection_get_answers_that_harm_nobody(
    web: Served, caplog: pytest.LogCaptureFixture, stream: bytes, cut: int
) -> None:
    received = b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=0.1) as connection:
        try:
            connection.sendall(stream[:cut])
            connection.sendall(stream[cut:] + LAST)
            while piece := connection.recv(1 << 16):
                received += piece
        except OSError:
            pass  # let go, or waited for: both are fine
    for head in re.findall(rb"HTTP/1\.1 (\d{3} [^\r]*(?:\r\n[^\r\n]+)*)", received):
        status, *fields = head.split(b"\r\n")
        headers = dict(field.split(b": ", 1) for field in fields)
        if not status.startswith(b"100"):
            check_answer(int(status[:3]), headers, b"")
    assert b"evil" not in received and b"Set-Cookie" not in received
    assert web.ask("GET", "/health").status == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
