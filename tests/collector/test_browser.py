"""drips.js in a real Chromium, on a page of another site than the collector's."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.collector.chromium import MISSING, PROGRAM, Browser, Page, running
from tests.collector.collecting import counted
from tests.collector.event_server import KEY, Collector, serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]

PAGE = """<!doctype html><meta charset="utf-8"><title>Prices · Acme</title>
<script>window.drips = []; drips.push(["track", "early"])</script>
<script SCRIPT></script>
<a id="plain" href="#plain">Not tracked</a>
<a id="link" href="#link" data-drips-track="trial_started" data-drips-plan="pro"><b>Start now</b></a>
<button id="button" data-drips-track>Try</button>
<form id="signup" target="frame" action="/sent">
<input name="email" value="ada@acme.example"><button id="send">Send</button>
</form><iframe name="frame"></iframe>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    with serving(tmp_path, now=None) as served:
        yield served


@contextmanager
def _site(script: str) -> Iterator[str]:
    """A page with these attributes of the script's tag; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE.replace("SCRIPT", script).encode() if self.path.startswith("/prices") else b"Thanks"
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/prices?from=ad"
    server.shutdown()
    server.server_close()


def _arrived(collector: Collector, page: Page, messages: int) -> None:
    """Wait until the collector has taken so many."""
    calls = ("track", "page", "identify")
    for _ in range(1000):
        if sum(counted(collector.context.metrics, "messages", call=call) for call in calls) >= messages:
            return
        page.run("new Promise(done => setTimeout(done, 10))")
    raise AssertionError(collector.context.metrics.text().decode())


def _tag(collector: Collector, options: str = "") -> str:
    return f'src="{collector.url}/drips.js" data-write-key="{KEY}" {options}'


def test_views_clicks_forms_and_calls_arrive_and_nothing_is_stored(browser, collector):
    with _site(_tag(collector)) as url, browser.page() as page:
        page.open(url)
        for selector in ("#plain", "#link b", "#button", "#send"):
            page.click(selector)
        page.run("drips.track('told', {deep: {er: 1}})")
        page.run("history.pushState({}, '', '/other')")
        _arrived(collector, page, 7)
        assert page.run("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})") == "{}"
    rows = collector.rows("events")
    by_event: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_event.setdefault(row["event"], []).append(row["properties"])
    views = by_event.pop("page_viewed")
    assert [view["path"] for view in views] == ["/prices", "/other"]
    assert (views[0]["url"], views[0]["search"], views[0]["title"]) == (url, "?from=ad", "Prices · Acme")
    assert by_event == {
        "early": [{}],
        "trial_started": [
            {"text": "Start now", "href": f"{url}#link", "plan": "pro", "path": "/prices"},
        ],
        "clicked": [{"text": "Try", "path": "/prices"}],
        "form_submitted": [{"form": "signup", "path": "/prices"}],
        "told": [{"deep": {"er": 1}}],
    }
    assert len({row["lead_id"] for row in rows}) == 1
    assert "ada@acme.example" not in json.dumps(rows)


def test_who_is_identified_is_linked_with_what_was_seen_before(browser, collector):
    with _site(_tag(collector)) as url, browser.page() as page:
        page.open(url)
        page.run("drips.identify('ada', {email: 'ada@acme.example', firstName: 'Ada'})")
        page.run("drips.track('known')")
        page.run("drips.reset(); drips.track('unknown')")
        _arrived(collector, page, 5)
    events = {row["event"]: row for row in collector.rows("events")}
    visitor = events["page_viewed"]["lead_id"]
    assert (events["identified"]["lead_id"], events["identified"]["properties"]) == ("ada", {"anonymous_id": visitor})
    assert events["known"]["lead_id"] == "ada"
    assert events["unknown"]["lead_id"] not in ("ada", visitor)
    [lead] = collector.rows("leads")
    assert (lead["lead_id"], lead["email"], lead["first_name"]) == ("ada", "ada@acme.example", "Ada")


def test_a_page_proves_its_user_from_then_on(browser, tmp_path):
    with serving(tmp_path, now=None, page_keys="a-page-key", identity_keys="a-secret-of-ours") as collector:
        tag = f'src="{collector.url}/drips.js" data-write-key="a-page-key" data-pages="false" data-persist="true"'
        with _site(tag) as url, browser.page() as page:
            page.open(url)
            proof = hmac.digest(b"a-secret-of-ours", b"ada", "sha256").hex()
            page.run(f"drips.identify('ada', {{plan: 'pro'}}, {{userHash: '{proof}'}}); drips.flush()")
            page.open(url)
            page.run("drips.track('known again'); drips.flush()")
            page.run("drips.reset(); drips.track('unknown')")
            # The page itself says "early" twice.
            _arrived(collector, page, 5)
        rows = collector.rows("events") + collector.rows("leads")
    of_ada = [row["_drips_source"] for row in rows if row["lead_id"] == "ada"]
    assert of_ada and set(of_ada) == {"verified"}
    assert {row["_drips_source"] for row in rows if row["lead_id"].startswith("anonymous:")} == {"anonymous"}


@pytest.mark.parametrize(("persist", "ids"), [("true", 1), ("false", 2)])
def test_only_who_asks_for_it_is_known_again_on_the_next_page(browser, collector, persist, ids):
    with _site(_tag(collector, f'data-persist="{persist}"')) as url, browser.page() as page:
        page.open(url)
        page.open(url + "&again")
        _arrived(collector, page, 4)
    assert len({row["lead_id"] for row in collector.rows("events")}) == ids


def test_what_was_told_last_arrives_though_the_page_is_left_at_once(browser, collector):
    with _site(_tag(collector)) as url, browser.page() as page:
        page.open(url)
        page.run("drips.track('leaving'), location.href = 'about:blank'")
        page.wait_for("location.href === 'about:blank'")
        _arrived(collector, page, 3)
    assert "leaving" in {row["event"] for row in collector.rows("events")}


def test_without_beacons_it_fetches_and_tries_again_when_that_fails(browser, collector):
    with _site(_tag(collector, 'data-pages="false"')) as url, browser.page() as page:
        page.open(url)
        _arrived(collector, page, 1)
        page.run(
            "navigator.sendBeacon = () => false; const real = fetch; let failed = 0;"
            "window.fetch = (...call) => failed++ ? real(...call) : Promise.reject(new TypeError('offline'))"
        )
        page.run("drips.track('later')")
        _arrived(collector, page, 2)
        assert page.run("failed") == 2
    assert [row["event"] for row in collector.rows("events")] == ["early", "later"]


def test_many_and_large_messages_go_in_parts(browser, collector):
    with _site(_tag(collector, 'data-pages="false"')) as url, browser.page() as page:
        page.open(url)
        page.run("for (let n = 0; n < 120; n++) drips.track('small' + n)")
        page.run("for (let n = 0; n < 3; n++) drips.track('large', {text: 'ä'.repeat(20000)})")
        page.run("drips.track('huge', {text: 'ä'.repeat(100000)})")
        _arrived(collector, page, 125)
    events = [row["event"] for row in collector.rows("events")]
    assert (len(events), events.count("large"), events.count("huge")) == (125, 3, 1)
