"""Commands that run ticks, in processes of their own as a person would start them: one project, from its first tick on.

Each takes seconds, so there are few; the tests go on from one another.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alerts.chat import Chat
from conftest import copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.pipeline.run_lock import exclusive_run
from dagster_drips.project import Project

pytestmark = pytest.mark.slow

SEQUENCE = """
name: Welcome
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: lead_created}
steps:
  - {id: hello, subject: Hello, template: mail.html}
"""
LEADS = "lead_id,created_at,email\nl1,2026-03-01,l1@x.example\nl2,yesterday,l2@x.example\n"
TELLS_IMPORTED = """
import atexit, sys
from dagster_drips.cli import main
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""
TICK, EARLIER = "2026-03-02T08:00:00Z", "2026-03-02T07:00:00Z"


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    with Chat() as server:
        yield server


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, chat: Chat) -> Project:
    folder = tmp_path_factory.mktemp("ticks")
    (folder / "sequences" / "welcome").mkdir(parents=True)
    (folder / "sequences" / "welcome" / "sequence.yml").write_text(SEQUENCE)
    (folder / "sequences" / "welcome" / "mail.html").write_text("<html><body><p>Hello</p></body></html>")
    (folder / "segments").mkdir()
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    (project.landing / "leads").mkdir(parents=True)
    (project.landing / "leads" / "leads.csv").write_text(LEADS)
    (project.sequences / "project.yml").write_text("alerts: {targets: {ops: {resolved: true}}}\n")
    settings = {"ALERT_URL_OPS": chat.url, "METRICS_FILE": project.root / "drips.prom"}
    (project.root / ".env").write_text("".join(f"DRIPS_{name}={value}\n" for name, value in settings.items()))
    return project


def drips(project: Project, *arguments: str, python: tuple[str, ...] = ("-m", "dagster_drips")) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *python, "--project", str(project.root), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def without_a_server(project: Project) -> tuple[int, str, str]:
    return drips(project, "run", "--as-of", TICK)


@pytest.fixture(scope="module")
def without_sending(project: Project, without_a_server: tuple[int, str, str]) -> tuple[int, str, str]:
    return drips(project, "run", "--as-of", TICK, "--no-send", "--json")


def test_mail_that_is_due_without_a_mail_server_is_told_in_one_line(without_a_server: tuple[int, str, str]) -> None:
    code, out, err = without_a_server
    assert (code, out) == (1, "")
    assert err.startswith("error: no mail server is set: put DRIPS_SMTP_URL into ")
    assert err.count("\n") == 1


def test_why_nothing_was_sent_is_told_and_shown(project: Project, chat: Chat, without_a_server: object) -> None:
    [told] = chat.taken()
    assert told.startswith("stopped sending\nsending stopped: no mail server is set")
    code, out, _ = drips(project, "status")
    assert (code, "sending stopped: no mail server is set" in out) == (0, True)


def test_a_tick_leaves_its_metrics_and_what_goes_on_is_told_no_more(
    project: Project, chat: Chat, without_sending: object
) -> None:
    text = (project.root / "drips.prom").read_text()
    assert 'drips_messages_due{project="project",sequence="welcome"} 1.0' in text
    assert 'drips_loaded_rows_total{project="project"} 1.0' in text
    assert 'drips_sending_stopped{project="project"} 1.0' in text
    assert 'drips_latency_seconds_bucket{le="+Inf",project="project",stage="due_to_sent"} 0.0' in text
    assert chat.taken() == []


def test_the_unfinished_tick_can_be_repeated_and_counts_as_json(without_sending: tuple[int, str, str]) -> None:
    code, out, err = without_sending
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["as_of"] == TICK
    assert report["decided"]["due"] == 1
    assert report["sent"]["sent"] == 0


def test_a_tick_earlier_than_the_last_one_is_told_in_one_line(
    project: Project, without_sending: tuple[int, str, str]
) -> None:
    code, out, err = drips(project, "run", "--as-of", EARLIER)
    assert (code, out) == (1, "")
    assert err == f"error: a tick at {EARLIER} is not later than the last finished one, {TICK}\n"


def test_an_idle_tick_imports_neither_dagster_nor_dbt_nor_what_mail_is_sent_with(
    project: Project, without_sending: object
) -> None:
    code, out, err = drips(project, "run", "--no-send", "--json", python=("-c", TELLS_IMPORTED))
    assert code == 0, err
    assert json.loads(out)["loaded"]["leads"]["loaded"] == 0
    imported = {name.partition(".")[0] for name in err.split()}
    assert {"duckdb", "dagster_drips"} <= imported, "this is where they would be"
    assert imported & {"dagster", "dagster_dbt", "dbt", "pandas", "pyarrow", "yagmail", "apprise"} == set()


def test_a_replay_shows_its_progress_on_stderr_and_json_on_stdout(
    project: Project, without_sending: tuple[int, str, str], tmp_path: Path
) -> None:
    out_file = tmp_path / "sends.csv"
    span = ["--from", "2026-03-01", "--to", "2026-03-02", "--every", "1d"]
    result = CliRunner().invoke(
        app, ["replay", *span, "--json", "--out", str(out_file), "--project", str(project.root)]
    )
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "ticks": 2,
        "sends": 1,
        "by_sequence": [{"sequence_id": "welcome", "sends": 1}],
        "errors": [],
    }
    assert "replay 2/2 2026-03-02T00:00:00Z 0 sent" in result.stderr
    assert out_file.read_text().count("\n") == 2


def test_a_watch_ticks_at_once_and_when_a_file_lands_and_ends_when_it_is_told_to(
    project: Project, without_sending: object
) -> None:
    (project.root / ".env").open("a").write("DRIPS_SCHEDULE=0 0 1 1 *\n")
    watch = subprocess.Popen(
        [sys.executable, "-m", "dagster_drips", "--project", str(project.root), "run", "--watch", "--no-send"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert watch.stdout is not None
        assert "  start: nothing loaded; 0 enrolled, 1 due; nothing sent (" in watch.stdout.readline()
        with exclusive_run(project):
            pass  # between two ticks the project is anybody's
        (project.landing / "leads" / "more.csv").write_text("lead_id,created_at,email\nl3,2026-03-01,l3@x.example\n")
        assert "  landed: 1 leads loaded; 1 enrolled, 2 due; nothing sent (" in watch.stdout.readline()
        watch.send_signal(signal.SIGTERM)
        out, err = watch.communicate()
    finally:
        watch.kill()
    assert (watch.returncode, out, err) == (0, "", "stopped\n")
