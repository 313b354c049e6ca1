"""The collector under load, beside a plain Starlette application that stores nothing.

What it measures, each for a few seconds and with the server held to one core:

- accepted requests a second, p50 and p99 by `wrk` with 64 connections, and CPU a request, of pixel, click, `/v1/track`,
  `/v1/batch` and forged tokens. Beside each stands a plain handler of the same form under the same uvicorn: GET answers
  43 bytes; POST reads the body, parses its JSON and answers. Rounds alternate, the medians are shown.
- `kill -9` under load: every 2xx has to be on disk after the next start.
- 10,000 connections at once, as far as the system allows, while requests go on.

Run it on a machine that does nothing else: `python benchmarks/collector.py [--seconds 3] [--rounds 3]`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagster_drips.landing.files import landing_files
from dagster_drips.links.tokens import Purpose, Tokens
from dagster_drips.project import Project

KEY = "a key of some thirty-two characters"
TOKENS = Tokens([KEY])
CLICK, OPEN = TOKENS.messages("0123456789abcdef" * 2, (Purpose.CLICK, Purpose.OPEN))
URL = TOKENS.url("https://acme.example/pricing?plan=team")
TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = "0", "1"
MANY = 10_000

EVENT = (
    """{"messageId":"'..id..'","userId":"u'..(n%1000)..'","type":"track","event":"Order Completed","""
    """"timestamp":"2026-03-29T01:00:00.000Z","properties":{"revenue":12.5,"currency":"EUR","sku":"a-1"}}"""
)
POST = """
wrk.method = "POST"
wrk.headers["Authorization"] = "Basic YS1rZXktb2Ytc2VydmVyczo="
wrk.headers["Content-Type"] = "application/json"
local n, run = 0, tostring({{}}) .. os.time()
request = function()
  local body = {{}}
  for _ = 1, {events} do
    n = n + 1
    local id = run .. n
    body[#body + 1] = '{event}'
  end
  return wrk.format(nil, nil, nil, {body})
end
"""
ONE = POST.format(events=1, event=EVENT, body="body[1]")
TWENTY = POST.format(events=20, event=EVENT, body="""'{"batch":[' .. table.concat(body, ",") .. ']}'""")
REQUESTS = {
    # what: path here, path of the plain application, wrk's script, events a request
    "open": (f"/o/{OPEN}.gif", "/get/x", None, 1),
    "click": (f"/c/{CLICK}/{URL}", "/get/x", None, 1),
    "forged": (f"/c/{CLICK[:-2]}xx/{URL}", "/get/x", None, 0),
    "track": ("/v1/track", "/post", ONE, 1),
    "batch of 20": ("/v1/batch", "/post", TWENTY, 20),
}


def plain_app() -> Starlette:
    async def get(_: Request) -> Response:
        return Response(b"x" * 43, media_type="image/gif")

    async def post(request: Request) -> Response:
        json.loads(await request.body())
        return JSONResponse({"success": True})

    return Starlette(routes=[Route("/get/{token}", get), Route("/post", post, methods=["POST"])])


@contextlib.contextmanager
def process(command: list[str], port: int) -> Generator[subprocess.Popen[bytes]]:
    environment = os.environ | {"DRIPS_SECRET_KEYS": KEY, "DRIPS_WRITE_KEYS": "a-key-of-servers"}
    held = ["taskset", "-c", SERVER_CORE] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []
    with subprocess.Popen([*held, *command], env=environment, stdout=subprocess.DEVNULL) as started:
        try:
            wait_for(port)
            yield started
        finally:
            started.terminate()
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()


def collector(project: Project, port: int) -> list[str]:
    return [sys.executable, "-m", "dagster_drips", "--project", str(project.root), "collect", "--port", str(port)]


def wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(port: int, path: str, script: Path | None, pid: int, seconds: int) -> tuple[float, float, float, float]:
    """Requests a second, p50 and p99 in milliseconds, CPU a request in microseconds."""
    held = ["taskset", "-c", LOAD_CORE] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []
    command = [*held, "wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}{path}"]
    before = cpu_seconds(pid)
    told = subprocess.run(
        [*command, *(["-s", str(script)] if script else [])], capture_output=True, text=True, check=True
    )
    used = cpu_seconds(pid) - before
    done = re.search(r"(\d+) requests in ([\d.]+)s", told.stdout)
    assert done is not None
    rate = int(done[1]) / float(done[2])
    return rate, milliseconds(told.stdout, 50), milliseconds(told.stdout, 99), used / int(done[1]) * 1e6


def milliseconds(text: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", text)
    assert found is not None
    number, unit = found.groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def measure(folder: Path, project: Project, seconds: int, rounds: int) -> None:
    ours, plain = free_port(), free_port()
    print(f"{'request':12} {'events/s':>9} {'p50 ms':>7} {'p99 ms':>7} {'CPU us':>7} {'plain us':>8} {'ratio':>6}")
    with (
        process(collector(project, ours), ours) as server,
        process([sys.executable, __file__, "--plain", str(plain)], plain) as peer,
    ):
        for what, (path, plain_path, text, events) in REQUESTS.items():
            script = None
            if text:
                script = folder / "request.lua"
                script.write_text(text)
            figures, beside = [], []
            for _ in range(rounds):
                beside.append(load(plain, plain_path, script, peer.pid, seconds))
                figures.append(load(ours, path, script, server.pid, seconds))
            rate, p50, p99, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
            other = statistics.median(one[3] for one in beside)
            print(
                f"{what:12} {rate * events:9,.0f} {p50:7.1f} {p99:7.1f} {cpu:7.0f} {other:8.0f} {cpu / other:6.2f}",
                flush=True,
            )


def opens(port: int, number: int, accepted: list[str]) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.suppress(OSError, HTTPException):
        for count in range(1_000_000):
            name = f"{number}-{count}"
            connection.request("GET", f"/o/{OPEN}.gif", headers={"User-Agent": name})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                accepted.append(name)


def kill_under_load(project: Project, kills: int) -> None:
    accepted: list[str] = []
    for kill in range(kills):
        port = free_port()
        with process(collector(project, port), port) as server:
            threads = [threading.Thread(target=opens, args=(port, f"{kill}-{n}", accepted)) for n in range(16)]
            for thread in threads:
                thread.start()
            time.sleep(1.5)
            server.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    port = free_port()
    with process(collector(project, port), port):
        pass
    on_disk = {
        json.loads(line).get("user_agent")
        for file in landing_files(project, ("engagement",))
        for line in file.location.read_text(encoding="utf-8").splitlines()
    }
    lost = len(set(accepted) - on_disk)
    print(f"kill -9, {kills} times: {len(accepted):,} accepted, {lost} of them not on disk")


def crowd(project: Project) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    number = min(MANY, hard - 200)
    port = free_port()
    with process(collector(project, port), port), contextlib.ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        times = []
        for _ in range(200):
            begun = time.perf_counter()
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", f"/o/{OPEN}.gif")
            assert connection.getresponse().status == 200
            connection.close()
            times.append((time.perf_counter() - begun) * 1000)
        times.sort()
        print(f"{number:,} silent connections: an open takes {times[100]:.1f} ms (p50), {times[198]:.1f} ms (p99)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--kills", type=int, default=3)
    arguments.add_argument("--plain", type=int, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.plain:
        uvicorn.run(plain_app(), port=given.plain, log_level="warning", access_log=False)
        return
    if not shutil.which("wrk"):
        sys.exit("this needs wrk (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("sequences", "dbt_project"):
            (folder / part).mkdir()
        project = Project.at(folder)
        measure(folder, project, given.seconds, given.rounds)
        kill_under_load(project, given.kills)
        crowd(project)


if __name__ == "__main__":
    main()
