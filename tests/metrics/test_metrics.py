"""What Prometheus is told of a tick, in the format that it reads, and how it gets there."""

from __future__ import annotations

import base64
import re
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from dagster_drips.metrics import export_metrics
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.labels.pop("project") == "shop"
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def exported(project: Project, monkeypatch: pytest.MonkeyPatch, **settings: object) -> list[str]:
    for name, value in settings.items():
        monkeypatch.setenv(f"DRIPS_{name.upper()}", str(value))
    return export_metrics(project, load_settings(project))


@pytest.fixture(scope="module")
def samples(published: Project, tmp_path_factory: pytest.TempPathFactory) -> Samples:
    file = tmp_path_factory.mktemp("textfiles") / "drips.prom"
    with pytest.MonkeyPatch.context() as patch:
        assert exported(published, patch, metrics_file=file) == []
    return samples_of(file.read_text())


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("tick_as_of_timestamp_seconds", {}, 1772452800),
        ("tick_finished_timestamp_seconds", {}, 1772452809),
        ("tick_duration_seconds", {}, 8),
        ("attempts_total", {"sequence": "welcome", "outcome": "sent"}, 2),
        ("attempts_total", {"sequence": 'cart "x"', "outcome": "sent"}, 1),
        ("loaded_rows_total", {}, 15),
        ("rejected_rows_total", {}, 2),
        ("messages_due", {"sequence": "welcome"}, 1),
        ("messages_due", {"sequence": 'cart "x"'}, 0),
        ("messages_in_doubt", {"sequence": "welcome"}, 1),
        ("messages_in_doubt", {"sequence": 'cart "x"'}, 0),
        ("gates", {"sequence": "welcome", "state": "holding"}, 1),
        ("gates", {"sequence": "welcome", "state": "waived"}, 0),
        ("sending_stopped", {}, 1),
        ("enrollments", {"sequence": "welcome", "status": "active"}, 2),
        ("latency_seconds_bucket", {"stage": "due_to_sent", "le": "1.0"}, 3),
        ("latency_seconds_bucket", {"stage": "due_to_sent", "le": "5.0"}, 3),
        ("latency_seconds_bucket", {"stage": "due_to_sent", "le": "+Inf"}, 4),
        ("latency_seconds_count", {"stage": "due_to_sent"}, 4),
        ("latency_seconds_sum", {"stage": "due_to_sent"}, 10.5),
    ],
)
def test_a_number_of_the_tick(samples: Samples, name: str, labels: dict[str, str], value: float) -> None:
    assert samples[f"drips_{name}", tuple(sorted(labels.items()))] == value


def test_no_label_is_of_a_person(samples: Samples) -> None:
    assert {label for _, labels in samples for label, _ in labels} == {
        *("sequence", "outcome", "state", "status", "stage", "le")
    }


def test_the_file_is_swapped_whole_and_others_may_read_it(
    published: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    before = os.umask(0o077)
    try:
        file = tmp_path / "drips.prom"
        file.write_text("old")
        with file.open() as reader:
            assert exported(published, monkeypatch, metrics_file=file) == []
            assert reader.read() == "old", "who reads goes on with what was there"
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["drips.prom"]


def test_a_folder_that_is_not_there_is_told_and_ends_nothing(
    published: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [problem] = exported(published, monkeypatch, metrics_file=tmp_path / "gone" / "drips.prom")
    assert "drips.prom: No such file or directory" in problem


class Gateway:
    """Takes what is pushed, as a Pushgateway would."""

    def __init__(self) -> None:
        self.pushed: list[tuple[str, str, str | None, str]] = []
        self.status = 200
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                gateway.pushed.append((self.command, self.path, self.headers["Authorization"], body))
                self.send_response(gateway.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_metrics_are_pushed_in_the_place_of_those_before(
    published: Project, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = gateway.server.server_port
    assert exported(published, monkeypatch, pushgateway_url=f"http://ada:s3%2Fcret@127.0.0.1:{port}/base") == []
    [(method, path, login, body)] = gateway.pushed
    assert (method, path) == ("PUT", "/base/metrics/job/drips/project/shop")
    assert base64.b64decode(str(login).removeprefix("Basic ")) == b"ada:s3/cret"
    assert samples_of(body)["drips_messages_in_doubt", (("sequence", "welcome"),)] == 1
    gateway.status = 500
    [problem] = exported(published, monkeypatch)
    assert "could not be pushed" in problem
    assert "cret" not in problem
    [problem] = exported(published, monkeypatch, pushgateway_url="http://127.0.0.1:1")
    assert "could not be pushed" in problem


@pytest.mark.skipif(not shutil.which("prometheus-pushgateway"), reason="prometheus-pushgateway is not installed")
def test_a_real_pushgateway_takes_them_and_shows_them_to_prometheus(
    published: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*taken.getsockname())
    command = ["prometheus-pushgateway", f"--web.listen-address={address}", "--persistence.file="]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    assert requests.get(f"http://{address}/-/ready", timeout=5).ok
                    break
                except requests.ConnectionError:
                    assert process.poll() is None and time.monotonic() < end, "it doesn't start"
                    time.sleep(0.05)
            for _ in range(2):  # the second time in the place of the first
                assert exported(published, monkeypatch, pushgateway_url=f"http://{address}") == []
            shown = requests.get(f"http://{address}/metrics", timeout=5).text
        finally:
            process.terminate()
    assert re.search(r'^drips_messages_in_doubt\{.*job="drips".*sequence="welcome".*\} 1$', shown, re.MULTILINE)
    assert re.search(r'^push_failure_time_seconds\{.*project="shop".*\} 0$', shown, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian's prometheus) is not installed")
def test_promtool_finds_nothing_wrong_with_the_file(
    published: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exported(published, monkeypatch, metrics_file=tmp_path / "drips.prom") == []
    text = (tmp_path / "drips.prom").read_text()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_nothing_is_exported_unasked_or_before_a_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    project = Project.at(tmp_path)
    assert exported(project, monkeypatch) == []
    assert exported(project, monkeypatch, metrics_file=tmp_path / "drips.prom") == []
    assert not (tmp_path / "drips.prom").exists()
