"""Connections: answers in order however requests come in, and room for who asks when there are too many."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from dagster_drips.collector.app import build_app
from dagster_drips.collector.context import CollectorContext
from dagster_drips.settings import Settings

from .collecting import counted, project_in, served


@pytest.fixture
def context(tmp_path: Path) -> CollectorContext:
    return CollectorContext.of(project_in(tmp_path / "project"), Settings(_env_file=None))


def statuses(port: int, *pieces: bytes) -> list[bytes]:
    """Of all answers on one connection, which the server has to close."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
        while piece := connection.recv(1 << 16):
            received += piece
    return re.findall(rb"HTTP/1\.1 (\d{3})", received)


GET = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
NOTHING = b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
LAST = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
UPGRADE = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([GET * 2000 + LAST], [b"200"] * 2001),
        ([(GET + NOTHING + POST) * 500, LAST], [b"200", b"404", b"404"] * 500 + [b"200"]),
        ([GET, b"\r\n\r\n", NOTHING, LAST], [b"200", b"404", b"200"]),
        ([UPGRADE + NOTHING + LAST], [b"200", b"404", b"200"]),
        ([GET * 3 + b"no HTTP\r\n\r\n"], [b"200"] * 3 + [b"400"]),
        ([b"no HTTP\r\n\r\n" + GET], [b"400"]),
        ([LAST + GET], [b"200"]),
        ([GET + b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 200 + b"\r\n"], [b"200", b"431"]),
        ([b"CONNECT a:1 HTTP/1.1\r\n\r\n"], [b"400"]),
        ([b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"], [b"404"]),
    ],
)
def test_each_request_gets_its_answer_in_order(
    context: CollectorContext, pieces: list[bytes], expected: list[bytes]
) -> None:
    with served(build_app(context)) as web:
        assert statuses(web.port, *pieces) == expected
    assert context.memory.used == 0, "all that was charged is given back"


def test_who_has_waited_longest_makes_room_for_another_connection(context: CollectorContext) -> None:
    context.memory.max_connections = 20
    with served(build_app(context)) as web:
        silent = [socket.create_connection(("127.0.0.1", web.port), timeout=20) for _ in range(40)]
        for _ in range(5):
            assert web.ask("GET", "/health").status == 200
        assert silent[0].recv(100) == b"", "the first one had to go"
        for connection in silent:
            connection.close()
    assert counted(context.metrics, "refused_connections", reason="made_room") >= 20


@pytest.mark.parametrize("path", ["/health/", "/v1/batch/", "//evil.example/", "/metrics/?a=1"])
def test_no_slash_too_many_leads_anywhere(context: CollectorContext, path: str) -> None:
    with served(build_app(context)) as web:
        answer = web.ask("GET", path, host="evil.example")
    assert (answer.status, answer.headers.get("location")) == (404, None) or answer.status == 405
    assert "location" not in answer.headers and "evil" not in answer.text
