"""X-Forwarded-For: the last address that is no proxy of ours, and nothing that is no address."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from dagster_drips.collector.proxies import Forwarded, networks
from dagster_drips.errors import DripsError

OURS = networks(["10.0.0.0/8", "2001:db8::/32"])


def client(peer: str | None, *headers: bytes) -> str | None:
    """Whom the application sees."""
    seen: list[tuple[str, int] | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"])

    async def nothing() -> Message:
        raise AssertionError

    async def nowhere(_: Message) -> None:
        raise AssertionError

    scope: Scope = {
        "type": "http",
        "client": (peer, 5) if peer else None,
        "headers": [(b"x-forwarded-for", value) for value in headers],
    }
    asyncio.run(Forwarded(app, OURS)(scope, nothing, nowhere))
    return seen[0][0] if seen[0] else None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "10.0.0.5"),
        ([b"203.0.113.7"], "203.0.113.7"),
        ([b"203.0.113.7:4711"], "203.0.113.7"),
        ([b"[2a00:1::7]:4711"], "2a00:1::7"),
        ([b"[2a00:1::7]"], "2a00:1::7"),
        ([b"2A00:1:0::7"], "2a00:1::7"),
        ([b"::ffff:203.0.113.7"], "203.0.113.7"),
        ([b"1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        ([b"1.1.1.1", b"203.0.113.7"], "203.0.113.7"),
        ([b"1.1.1.1, 203.0.113.7, 10.9.9.9, 2001:db8::1"], "203.0.113.7"),
        ([b"10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ([b"<script>"], None),
        ([b"203.0.113.7, <script>"], None),
        ([b"unknown"], None),
        ([b""], None),
        ([b"203.0.113.7:port"], None),
        ([b"[2a00:1::7"], None),
        ([b"[203.0.113.7]x"], None),
        ([b"fe80::1%eth0"], None),
        ([b"203.0.113.7,"], None),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy_of_ours(headers: list[bytes], expected: str | None) -> None:
    assert client("10.0.0.5", *headers) == expected


@pytest.mark.parametrize("peer", ["203.0.113.9", "127.0.0.1", None])
def test_nobody_else_is_believed(peer: str | None) -> None:
    assert client(peer, b"1.1.1.1") == peer


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_whatever_is_written_there_becomes_an_address_or_nothing(headers: list[bytes]) -> None:
    found = client("10.0.0.5", *headers)
    assert found is None or networks([found])


@pytest.mark.parametrize("text", ["*", "proxy.acme.example", "10.0.0.0/99", ""])
def test_a_proxy_is_named_by_its_address(text: str) -> None:
    with pytest.raises(DripsError, match="no address or network"):
        networks([text])
