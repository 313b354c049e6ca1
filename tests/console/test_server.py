"""`drips ui` as somebody has it: a real server and a real Chromium, wide and narrow, light and dark."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from collector.chromium import MISSING, PROGRAM, Page, running

from dagster_drips.console.app import PAGES
from dagster_drips.project import Project

from .looking import small_project

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]

LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
HEIGHT = 3_600
"""Of the window: a page draws what is in it."""
IDLE = (
    "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
    " && !document.querySelector('[data-testid=stSkeleton]')"
    " && [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].every(e => e.querySelector('canvas, svg'))"
)
FOUND = """JSON.stringify({
    title: document.querySelector('h1')?.innerText,
    width: Math.max(...['stMain', 'stMainBlockContainer'].map(name => {
        const box = document.querySelector(`[data-testid=${name}]`); return box.scrollWidth - box.clientWidth})),
    page: document.documentElement.scrollWidth - window.innerWidth,
    exceptions: [...document.querySelectorAll('[data-testid=stException]')].map(box => box.innerText),
    charts: [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].map(
        box => box.getBoundingClientRect().height),
    background: getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor,
})"""


@contextmanager
def console(project: Project, *arguments: str) -> Iterator[str]:
    """The address of a running `drips ui`."""
    command = [sys.executable, "-m", "dagster_drips", "ui", "--port", "0", "--project", str(project.root), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", said)
            assert found, said + process.stdout.read()
            end = time.monotonic() + 60
            while True:
                try:
                    assert requests.get(f"{found[0]}/_stcore/health", timeout=5).ok
                    break
                except requests.ConnectionError:
                    assert process.poll() is None, process.stdout.read()
                    assert time.monotonic() < end, "the console doesn't start"
                    time.sleep(0.1)
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@pytest.fixture(scope="module")
def address(demo: Project) -> Iterator[str]:
    with console(demo) as url:
        yield url


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they go; kept for whoever names a folder in CONSOLE_PICTURES."""
    kept = os.environ.get("CONSOLE_PICTURES")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with running(tmp_path_factory.mktemp("chromium")) as browser, browser.page() as page:
        yield page


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_fits_and_is_drawn(width: int, scheme: str, address: str, tab: Page, pictures: Path) -> None:
    tab.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": width < 500}
    tab.command("Emulation.setDeviceMetricsOverride", **size)
    for number, (name, (title, _, _)) in enumerate(PAGES.items()):
        tab.command("Page.navigate", url=f"{address}/{name if number else ''}")
        tab.wait_for(f"document.querySelector('h1')?.innerText === {title!r} && {IDLE}")
        found = tab.run(f"JSON.parse({FOUND})")
        (pictures / f"{name}-{width}-{scheme}.png").write_bytes(
            base64.b64decode(tab.command("Page.captureScreenshot", format="png")["data"])
        )
        assert (name, found["exceptions"], found["width"], found["page"]) == (name, [], 0, 0)
        assert all(height > 50 for height in found["charts"]), (name, found["charts"])
        is_dark = sum(map(int, re.findall(r"\d+", found["background"])[:3])) < 3 * 128
        assert is_dark == (scheme == "dark")


def test_a_saved_template_shows_at_once(tab: Page, tmp_path: Path) -> None:
    project = small_project(tmp_path)
    template = project.sequences / "cart" / "first.html"
    text = "document.querySelector('[data-testid=stMain]').innerText"
    with console(project) as url:
        tab.command("Page.navigate", url=f"{url}/preview")
        tab.wait_for(f"{IDLE} && {text}.includes('0.9 KB of HTML')")
        template.write_text("<p>{{ lead.plan }}</p>")
        tab.wait_for(f"{text}.includes('be made for this reader')")
        template.write_text("<p>" + "long " * 1_000 + "</p>")
        tab.wait_for(f"{text}.includes('KB of HTML') && !{text}.includes('be made for this reader')")


def test_it_answers_no_other_name_and_no_other_address(address: str) -> None:
    port = address.rpartition(":")[2]
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    stream = f"{address}/_stcore/stream"
    assert requests.get(stream, headers=upgrade | {"Origin": address}, timeout=10, stream=True).status_code == 101
    for headers in ({"Host": f"evil.example:{port}", "Origin": address}, {"Origin": "http://evil.example"}):
        answer = requests.get(stream, headers=upgrade | headers, timeout=30, stream=True)
        assert answer.status_code == 403, headers
    listening = subprocess.run(["ss", "-ltnH", f"sport = :{port}"], capture_output=True, text=True, check=False)
    if listening.returncode == 0:
        assert re.findall(r"\S+:" + port, listening.stdout) == [f"127.0.0.1:{port}"]


def test_a_port_that_is_taken_is_told_in_one_line(address: str, demo: Project) -> None:
    command = [sys.executable, "-m", "dagster_drips", "ui", "--port", address.rpartition(":")[2]]
    done = subprocess.run(
        [*command, "--project", str(demo.root)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert re.fullmatch(r"error: can't listen on 127\.0\.0\.1:\d+: .*in use\n", done.stderr)
