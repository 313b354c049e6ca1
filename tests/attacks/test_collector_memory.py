"""Attacks on the collector's memory: whatever comes, it stays under 400 MB and honest clients are answered."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagster_drips.links.tokens import Purpose, Tokens
from tests.collector.collecting import KEY, MESSAGE_ID, project_in

from .flooding import LIMIT, WRITE_KEY, Attacked, Client, attacked, flood, needs_proc

pytestmark = [pytest.mark.slow, needs_proc]

TOKEN = Tokens([KEY]).message(MESSAGE_ID, Purpose.OPEN)
PREFERENCES = Tokens([KEY]).message(MESSAGE_ID, Purpose.PREFERENCES)
BASIC = b64encode(f"{WRITE_KEY}:".encode()).decode()
MEGABYTE = 1_000_000


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Attacked]:
    project = project_in(tmp_path / "project")
    with attacked(project) as one:
        yield one
        assert one.kilobytes("VmHWM") < LIMIT


class Honest:
    """Asks for a pixel and posts an event, and is answered both times."""

    def __init__(self, target: Attacked):
        self.target = target

    def __call__(self) -> None:
        assert self.target.web.ask("GET", f"/o/{TOKEN}.gif").status == 200
        event = json.dumps({"userId": "ada", "event": "Seen"})
        assert self.target.web.ask("POST", "/v1/track", event, authorization=f"Basic {BASIC}").status == 200


def clients(
    target: Attacked, number: int, first: bytes, more: bytes, most: int, *, reads: bool = False
) -> list[Client]:
    return [Client(target.connect(), first, more, most, reads) for _ in range(number)]


def test_pipelined_requests_do_not_pile_up(target: Attacked) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 2000
    flood(target, clients(target, 5, b"", request, 60 * MEGABYTE, reads=True), 300, Honest(target))


def test_who_asks_and_never_reads_gets_no_memory(target: Attacked) -> None:
    request = b"GET /drips.js HTTP/1.1\r\nHost: a\r\n\r\n" * 2000
    flood(target, clients(target, 100, b"", request, 4 * MEGABYTE), 100, Honest(target))


@pytest.mark.parametrize("path", ["/nothing/here", "/v1/track", f"/p/{PREFERENCES}", "/webhooks/sendgrid"])
def test_bodies_without_an_end_do_not_fill_it(target: Attacked, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n".encode()
    flood(target, clients(target, 600, head, b"x" * 90_000, 900_000), 50, Honest(target))


def test_heads_without_an_end_do_not_fill_it(target: Attacked) -> None:
    head = b"GET /health HTTP/1.1\r\n" + b"a:\r\n" * 15_000
    flood(target, clients(target, 600, head, b"", 60_000), 30, Honest(target))


def test_trailers_without_an_end_do_not_fill_it(target: Attacked) -> None:
    head = b"POST /v1/track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: "
    flood(target, clients(target, 8, head, b"y" * 100_000, 80 * MEGABYTE), 600, Honest(target))


def many(item: str, number: int) -> str:
    return ",".join([item] * number)


def identified(people: int, traits: int) -> str:
    words = ",".join(f'"a{number}":{number}' for number in range(traits))
    return ",".join(f'{{"type":"identify","userId":"{number}","traits":{{{words}}}}}' for number in range(people))


BOMBS: dict[str, Callable[[], str]] = {
    "numbers": lambda: f'{{"batch":[{many("1", 3_900_000)}]}}',
    "objects": lambda: f'{{"batch":[{many("{}", 2_600_000)}]}}',
    "refused messages": lambda: f'{{"batch":[{many(json.dumps({"type": "track", "x": "y" * 800}), 9_500)}]}}',
    "people": lambda: f'{{"batch":[{identified(8_000, 60)}]}}',
    "context for all": lambda: json.dumps(
        {"context": {"traits": {"x": "y" * 200_000}}, "batch": [{"type": "identify", "userId": "a"}] * 10_000}
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_compressed_bodies_with_a_good_key_do_not_fill_it(target: Attacked, bomb: str) -> None:
    text = BOMBS[bomb]().encode()
    assert len(text) < 8 * 1024 * 1024
    body = gzip.compress(text, 1)
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {BASIC}\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    flood(target, clients(target, 10, request, b"", len(request)), 10, Honest(target))


def test_what_was_taken_is_given_back(target: Attacked) -> None:
    """The account returns to nothing: the same attack again and again needs no more than once."""
    head = b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    for _ in range(5):
        flood(target, clients(target, 100, head, b"x" * 90_000, 900_000), 50, Honest(target))
    body = json.dumps({"userId": "ada", "event": "e", "properties": {"text": "x" * 60_000}})
    for _ in range(20):
        assert target.web.ask("POST", "/v1/track", body, authorization=f"Basic {BASIC}").status == 200
