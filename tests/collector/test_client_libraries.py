"""Segment's and RudderStack's own client libraries, with nothing changed but where they send to."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.collector.event_server import KEY, Collector, serving

pytestmark = pytest.mark.slow

LIBRARIES = ["segment.analytics", "rudderstack.analytics"]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    with serving(tmp_path, now=None) as served:
        yield served


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param, reason=f"{request.param} (a dev dependency) is not installed")


def _client(library: Any, host: str, problems: list[Any], *, key: str = KEY, **options: Any) -> Any:
    client = importlib.import_module(f"{library.__name__}.client")
    return client.Client(key, host=host, on_error=lambda error, _: problems.append(error), **options)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_every_call_of_the_library_arrives(collector, library, gzip):
    problems: list[Any] = []
    client = _client(library, collector.url, problems, gzip=gzip)
    client.page("ada", "Shop", "Prices", {"url": "https://a.example"}, anonymous_id="visitor")
    client.identify("ada", {"email": "ada@acme.example", "plan": "pro"}, anonymous_id="visitor")
    client.track("ada", "Order Completed", {"revenue": 19.5, "currency": "EUR"})
    client.screen("ada", "App", "Home")
    client.group("ada", "acme", {"seats": 7})
    client.alias("old", "ada")
    client.shutdown()
    assert problems == []
    events = {row["event"]: row for row in collector.rows("events") if row["event"] != "identified"}
    assert set(events) == {"page_viewed", "Order Completed", "screen_viewed", "group"}
    assert events["page_viewed"]["properties"] == {"name": "Prices", "category": "Shop", "url": "https://a.example"}
    assert events["Order Completed"]["value"] == "19.5"
    assert events["group"]["properties"] == {"group_id": "acme", "seats": 7}
    linked = [row["properties"] for row in collector.rows("events") if row["event"] == "identified"]
    assert linked == [{"anonymous_id": "visitor"}, {"anonymous_id": "old"}]
    [lead] = collector.rows("leads")
    assert (lead["lead_id"], lead["email"], lead["plan"]) == ("ada", "ada@acme.example", "pro")


def test_an_imported_event_keeps_its_time_and_its_message_id(collector, library):
    problems: list[Any] = []
    client = _client(library, collector.url, problems, sync_mode=True)
    option = {"message_id": "m1"} if "message_id" in client.track.__code__.co_varnames else {}
    client.track("ada", "e", timestamp=datetime(2025, 5, 1, 12, tzinfo=UTC), **option)
    [row] = collector.rows("events")
    # The library's own latency is all that the correction for its clock may add.
    assert row["occurred_at"].startswith("2025-05-01T12:0")
    assert row["event_id"] == "m1" if option else row["event_id"]


def test_the_library_understands_a_refusal_and_gives_up(collector, library):
    client = _client(library, collector.url, [], key="another", sync_mode=True)
    request = importlib.import_module(f"{library.__name__}.request")
    with pytest.raises(request.APIError) as raised:
        client.track("ada", "e")
    assert (raised.value.status, raised.value.code) == (401, "invalid_write_key")
    assert collector.rows("events") == []
