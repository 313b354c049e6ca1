"""What people do with a mail comes back: opened and clicked in a real browser, and in the marts after the next tick."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from collector import chromium
from collector.collecting import KEY, served
from conftest import copy_project
from smtp.servers import ScriptedServer

from dagster_drips.collector.app import build_app
from dagster_drips.collector.context import CollectorContext
from dagster_drips.landing.files import landing_files
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

SEQUENCE = """
status: active
active_from: 2026-01-01T00:00:00Z
sender: {name: Ada, email: ada@acme.example}
trigger: {event: signup}
topic: news
steps:
  - {id: hello, subject: Hello, template: mail.html}
  - {id: later, delay: {days: 300}, subject: Later, template: mail.html}
"""
MAIL = """<html><body><p>Hello {{ lead.lead_id }},
<a id="offer" href="SHOP/offer?of={{ lead.lead_id }}">our offer</a></p>
<p><a id="bye" href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>"""
READER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
MESSAGES = """
select lead_id, opens, human_opens, clicks, human_clicks, first_opened_at, first_clicked_at, unsubscribed_at
from marts.messages
order by lead_id
"""


@contextmanager
def shop() -> Iterator[tuple[str, list[str]]]:
    """A site that mails link to, and the paths that were asked of it."""
    asked: list[str] = []

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>offer</title>")

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def new_project(folder: Path, shop_url: str) -> Project:
    sequence = folder / "sequences" / "welcome"
    sequence.mkdir(parents=True)
    (sequence / "sequence.yml").write_text(SEQUENCE)
    (sequence / "mail.html").write_text(MAIL.replace("SHOP", shop_url))
    (folder / "segments").mkdir()
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    for kind, header, row in (
        ("leads", "lead_id,email,created_at", "{0},{0}@example.org,2026-01-01"),
        ("events", "event_id,lead_id,event,occurred_at", "e-{0},{0},signup,2026-01-02"),
    ):
        (project.landing / kind).mkdir(parents=True)
        rows = [row.format(lead) for lead in ("ann", "bob", "cem")]
        (project.landing / kind / "first.csv").write_text("\n".join([header, *rows]) + "\n")
    return project


def tick(project: Project, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "dagster_drips", "run", "--project", str(project.root)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def wait_for_landing(project: Project, known: int) -> None:
    """Until the collector's rows have their final name, which takes it two seconds at most."""
    end = time.monotonic() + 20
    while len([file for file in landing_files(project) if "engagement" in file.path]) <= known:
        assert time.monotonic() < end, "nothing has landed"
        time.sleep(0.1)


@pytest.mark.skipif(chromium.PROGRAM is None, reason=chromium.MISSING)
def test_a_mail_that_is_opened_clicked_and_unsubscribed_in_a_browser_is_so_in_the_marts(tmp_path, monkeypatch):
    with shop() as (shop_url, asked), ScriptedServer() as server, chromium.running(tmp_path / "profile") as browser:
        project = new_project(tmp_path, shop_url)
        settings = Settings(public_url="http://127.0.0.1:1", secret_keys=KEY)
        with served(build_app(CollectorContext.of(project, settings))) as collector:
            environment = {
                **os.environ,
                "DRIPS_SMTP_URL": server.url,
                "DRIPS_PUBLIC_URL": f"http://127.0.0.1:{collector.port}",
                "DRIPS_SECRET_KEYS": KEY,
            }
            tick(project, environment)
            mails = {}
            for message in server.messages:
                reader = str(message["To"]).partition("@")[0]
                mails[reader] = tmp_path / f"{reader}.html"
                mails[reader].write_text(message.get_body(("html",)).get_content())
            assert sorted(mails) == ["ann", "bob", "cem"]

            with browser.page() as page:  # ann opens and clicks
                page.command("Emulation.setUserAgentOverride", userAgent=READER)
                page.open(mails["ann"].as_uri())
                page.click("#offer")
                page.wait_for("document.title === 'offer'")
            with browser.page() as page:  # bob opens and unsubscribes
                page.command("Emulation.setUserAgentOverride", userAgent=READER)
                page.open(mails["bob"].as_uri())
                page.click("#bye")
                page.wait_for("document.querySelector('form button') !== null")
                page.click("form button")
                page.wait_for("document.title === 'You are unsubscribed'")
            wait_for_landing(project, 0)
            time.sleep(2.1)  # whatever is still open gets its name by then
            tick(project, environment)

    assert asked.count("/offer?of=ann") == 1
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        ann, bob, cem = warehouse.rows(MESSAGES)
    assert (ann["human_opens"], ann["human_clicks"], ann["unsubscribed_at"]) == (1, 1, None)
    assert ann["first_opened_at"] <= ann["first_clicked_at"]
    assert (bob["human_opens"], bob["human_clicks"]) == (1, 0)
    assert bob["unsubscribed_at"] is not None
    assert (cem["opens"], cem["clicks"], cem["unsubscribed_at"]) == (0, 0, None)
