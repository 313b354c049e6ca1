"""A real Chromium, driven by the DevTools protocol over a WebSocket, for tests of what runs in pages."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "chromium is not installed"

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--no-proxy-server",
    "--remote-debugging-port=0",
)  # fmt: skip
_TIMEOUT_SECONDS = 30


class PageLeft(Exception):
    """The page was left while something was asked of it."""


class Page:
    """A tab of its own, with no storage that another has."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket
        self._ids = itertools.count(1)
        self.command("Page.enable")
        self.command("Runtime.enable")

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Say something to the tab; its answer."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=_TIMEOUT_SECONDS))
            if message.get("id") == number:
                if "navigated" in message.get("error", {}).get("message", ""):
                    raise PageLeft
                assert "error" not in message, message
                return message["result"]

    def open(self, url: str) -> None:
        """Go there and wait until all is loaded."""
        self.command("Page.navigate", url=url)
        self.wait_for(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression; a promise's outcome."""
        result = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + _TIMEOUT_SECONDS
        while not self._holds(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def _holds(self, condition: str) -> bool:
        try:
            return bool(self.run(condition))
        except PageLeft:  # on its way to the page that is waited for
            return False

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        where = self.run(
            f"(r => ({{x: r.x + r.width / 2, y: r.y + r.height / 2}}))"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)


class Browser:
    """A running Chromium.

    Args:
        port: of its DevTools.
    """

    def __init__(self, port: int):
        self._url = f"http://127.0.0.1:{port}"
        version = requests.get(f"{self._url}/json/version", timeout=_TIMEOUT_SECONDS).json()
        self._main = version["webSocketDebuggerUrl"]

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A new tab, as of somebody who was never here."""
        with connect(self._main, max_size=None) as socket:
            browser = Page.__new__(Page)
            browser._socket, browser._ids = socket, itertools.count(1)
            context = browser.command("Target.createBrowserContext")["browserContextId"]
            target = browser.command("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
            address = f"{self._main.rpartition('/devtools/')[0]}/devtools/page/{target}"
            with connect(address, max_size=None) as own:
                yield Page(own)
            browser.command("Target.disposeBrowserContext", browserContextId=context)


@contextmanager
def running(folder: Path) -> Iterator[Browser]:
    """Chromium with a new profile in that folder."""
    assert PROGRAM is not None
    command = [PROGRAM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = folder / "DevToolsActivePort"
        end = time.monotonic() + _TIMEOUT_SECONDS
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert process.poll() is None, "chromium ended"
            assert time.monotonic() < end, "chromium doesn't start"
            time.sleep(0.05)
        yield Browser(int(port_file.read_text().split("\n")[0]))
    finally:
        process.terminate()
        process.wait(20)
