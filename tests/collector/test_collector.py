"""The collector as a whole: what it takes, what it refuses, and that it outlives its ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dagster_drips.collector import connection, request_limits
from dagster_drips.collector.app import build_app
from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.metrics import Metrics
from dagster_drips.collector.request_limits import RequestLimits
from dagster_drips.links.tokens import Purpose, Tokens
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.temporaries import COUNTS_PREFIX, OWNER_LOCK

from .collecting import KEY, MESSAGE_ID, Answer, Served, counted, landed, project_in, served

pytestmark = pytest.mark.slow

TOKEN = Tokens([KEY]).message(MESSAGE_ID, Purpose.OPEN)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_in(tmp_path / "project")


@contextmanager
def collecting(project: Project, *more: str) -> Generator[tuple[subprocess.Popen[str], Served]]:
    """`drips collect` in a process of its own."""
    command = [sys.executable, "-m", "dagster_drips", "--project", str(project.root), "collect", "--port", "0", *more]
    environment = os.environ | {"DRIPS_SECRET_KEYS": KEY}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split(" for ")[0].rsplit(":", 1)[1])
            web = Served(port)
            until = time.monotonic() + 30
            while True:
                try:
                    web.ask("GET", "/health")
                    break
                except OSError:
                    assert process.poll() is None and time.monotonic() < until
                    time.sleep(0.05)
            yield process, web
        finally:
            process.kill()


def opens(web: Served, number: int, accepted: list[str]) -> None:
    """Ask for the pixel until nobody answers; each under a name of its own."""
    for count in range(100_000):
        name = f"{number}-{count}"
        try:
            if web.ask("GET", f"/o/{TOKEN}.gif", user_agent=name).status == 200:
                accepted.append(name)
        except (OSError, HTTPException):
            return


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_accepted_request_outlives_kill_9_and_sigterm_ends_in_order(project: Project, workers: str) -> None:
    accepted: list[str] = []
    with collecting(project, "--workers", workers) as (process, web):
        threads = [threading.Thread(target=opens, args=(web, number, accepted)) for number in range(8)]
        for thread in threads:
            thread.start()
        while len(accepted) < 200:
            time.sleep(0.01)
        for victim in [*children(process.pid), process.pid]:
            os.kill(victim, signal.SIGKILL)
        for thread in threads:
            thread.join()
    with collecting(project) as (process, web):
        assert web.ask("GET", f"/o/{TOKEN}.gif", user_agent="after").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert counting_folders() == []
    names = [row["user_agent"] for row in landed(project)]
    assert set(names) >= {*accepted, "after"} and len(names) == len(set(names))
    assert list(project.landing.rglob(".*.part")) == []


def counting_folders() -> list[Path]:
    """What no living collector holds; those of other tests' collectors are held."""
    places = (Path("/dev/shm"), Path(tempfile.gettempdir()))
    folders = [path for place in places for path in place.glob(f"{COUNTS_PREFIX}*")]
    return [path for path in folders if not _is_held(path / OWNER_LOCK)]


def _is_held(lock: Path) -> bool:
    try:
        with lock.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in listed.split()]


def test_it_loads_neither_the_warehouse_nor_the_pipeline(project: Project) -> None:
    code = "import sys, dagster_drips.collector.app as c, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"duckdb", "polars", "dagster", "dagster_dbt", "dbt"}


def test_a_taken_port_is_told_in_one_line(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "dagster_drips", "--project", str(project.root), "collect", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: can't listen on 127.0.0.1:{port}: ")


def test_missing_keys_are_told(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "dagster_drips", "--project", str(project.root), "collect", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "warning: DRIPS_SECRET_KEYS is not set" in done.stderr


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@contextmanager
def limited(metrics: Metrics, **limits: float) -> Generator[Served]:
    app = Starlette(routes=[Route("/", length, methods=["GET", "POST"])])
    with served(RequestLimits(app, metrics, **limits)) as web:  # ty: ignore[invalid-argument-type]
        yield web


def test_a_body_is_taken_up_to_the_limit_and_refused_beyond_it() -> None:
    metrics = Metrics()
    with limited(metrics) as web:
        assert web.ask("POST", "/", b"x" * request_limits.MAX_BODY).text == str(request_limits.MAX_BODY)
        assert web.ask("POST", "/", b"").text == "0"
        with socket.create_connection(("127.0.0.1", web.port)) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n")
            assert b" 413 " in connection.recv(1000), "answered before the body is there"
        with socket.create_connection(("127.0.0.1", web.port)) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.sendall((b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 16)
            assert b" 413 " in connection.recv(1000), "answered though its end never comes"
    assert counted(metrics, "refused_bodies", reason="too_large") == 2


def test_who_sends_a_body_too_slowly_is_told_and_let_go() -> None:
    metrics = Metrics()
    with (
        limited(metrics, body_seconds=0.2) as web,
        socket.create_connection(("127.0.0.1", web.port), timeout=10) as connection,
    ):
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        assert b" 408 " in connection.recv(1000)
        assert connection.recv(1000) == b""
    assert counted(metrics, "refused_bodies", reason="too_slow") == 1


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"])
def test_who_never_ends_a_request_is_let_go(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    with limited(Metrics()) as web, socket.create_connection(("127.0.0.1", web.port), timeout=10) as one:
        one.sendall(begun)
        while one.recv(1000):
            pass


def test_a_head_without_end_is_cut_off() -> None:
    with limited(Metrics()) as web, socket.create_connection(("127.0.0.1", web.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for number in range(100_000):
                connection.sendall(b"X-Filler-%d: %s\r\n" % (number, b"x" * 1000))
            raise AssertionError("it takes any head")


def test_many_silent_connections_leave_it_up(project: Project) -> None:
    with served(build_app(CollectorContext.of(project, Settings()))) as web:
        crowd = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(300)]
        assert web.ask("GET", "/health").status == 200
        for connection in crowd:
            connection.close()


def test_a_senders_address_is_believed_only_of_proxies_that_are_trusted(project: Project) -> None:
    settings = Settings(secret_keys=(SecretStr(KEY),))
    for trusted in ([], ["127.0.0.1"]):
        with served(build_app(CollectorContext.of(project, settings), trusted_proxies=trusted)) as web:
            web.ask("GET", f"/o/{TOKEN}.gif", x_forwarded_for="203.0.113.7")
    assert sorted(row["ip"] for row in landed(project)) == ["127.0.0.1", "203.0.113.7"]


def test_metrics_count_over_all_workers_also_those_that_died(project: Project) -> None:
    with collecting(project, "--workers", "2") as (process, web):
        for _ in range(6):
            web.ask("GET", f"/o/{TOKEN}.gif")
        until = time.monotonic() + 60
        while 'drips_landed_rows_total{kind="engagement"} 6.0' not in web.ask("GET", "/metrics").text:
            assert time.monotonic() < until
            time.sleep(0.1)
        for worker in children(process.pid):
            os.kill(worker, signal.SIGKILL)
        answer = eventually(lambda: web.ask("GET", "/o/forged.gif"))
        assert answer.status == 404
        # Each worker hands its counts on once a second, and another one may be asked.
        until = time.monotonic() + 60
        while 'drips_bad_tokens_total{link="open"} 1.0' not in (answer := web.ask("GET", "/metrics")).text:
            assert time.monotonic() < until
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    lines = answer.text.splitlines()
    assert 'drips_landed_rows_total{kind="engagement"} 6.0' in lines
    assert 'drips_bad_tokens_total{link="open"} 1.0' in lines
    assert "# TYPE drips_landed_rows_total counter" in lines
    assert [line for line in lines if "_created" in line] == []
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def eventually(ask: Callable[[], Answer]) -> Answer:
    """The first answer, once a worker is there again."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError, HTTPException):
            return ask()
        time.sleep(0.1)
    raise AssertionError("nobody answers")
