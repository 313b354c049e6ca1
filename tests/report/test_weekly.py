"""Sending the report: once a week to each, by the project's servers, as a mail that shows its pictures."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from smtp.servers import ScriptedServer
from typer.testing import CliRunner, Result

from dagster_drips.addresses import OnlyTo
from dagster_drips.cli import report as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.delivery.place import mark_place
from dagster_drips.project import Project
from dagster_drips.report.due import due_week, read_sent
from dagster_drips.report.weekly import send_weekly
from dagster_drips.settings import load_settings

from .conftest import WEEK

MONDAY = datetime(2026, 3, 9, 8)
"""UTC, the project's zone; its report is due from 8 on."""


def asked(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", "--week", str(WEEK), *arguments, "--project", str(project.root)])


def due(project: Project, now: datetime, only_to: str = "") -> str | None:
    week = due_week(project, OnlyTo.of(only_to) if only_to else OnlyTo(), now)
    return str(week) if week else None


def test_each_gets_it_once_and_it_is_a_whole_mail(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        assert due(project, MONDAY) == "2026-W10"
        first = asked(project, "--send")
        assert (first.exit_code, first.output.count("sent to")) == (0, 2), first.output
        again = asked(project, "--send")
        assert (again.exit_code, again.output.count("has it already")) == (0, 2)
        assert due(project, MONDAY) is None
    assert [mail["To"] for mail in server.messages] == ["ada@acme.example", "grace@acme.example"]
    mail = server.messages[0]
    assert mail["From"] == "Acme <news@acme.example>"
    assert mail["Subject"].startswith("shop, week 2026-W10: 200 mails sent")
    assert (mail["X-Drips-Report"], mail["X-Drips-Sequence"]) == ("2026-W10", "report")
    shown = {part["Content-ID"].strip("<>") for part in mail.walk() if part.get_content_type() == "image/png"}
    html = mail.get_body(("html",)).get_content()
    assert len(shown) == 4
    assert all(f"cid:{one}" in html for one in shown)
    assert "Open rate, people" in mail.get_body(("plain",)).get_content()
    assert not (project.journal / "deliveries").exists()
    kept = (project.journal / "reports" / "2026-W10.json").read_text()
    assert "acme" not in kept
    assert set(read_sent(project, WEEK).recipients.values()) == {"sent"}


def test_somebody_who_comes_later_gets_the_same_week(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        asked(project, "--send")
        (project.sequences / "project.yml").write_text("report: {to: [ada@acme.example, tom@acme.example]}\n")
        assert due(project, MONDAY) == "2026-W10"
        asked(project, "--send")
    assert [mail["To"] for mail in server.messages] == ["ada@acme.example", "grace@acme.example", "tom@acme.example"]


def test_only_whom_the_setting_allows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIPS_ONLY_TO", "grace@acme.example")
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        done = asked(project, "--send")
        assert (done.exit_code, "not sent to ada@acme.example: DRIPS_ONLY_TO" in done.output) == (0, True)
        assert asked(project, "--to", "ada@acme.example").exit_code == 1
        assert due(project, MONDAY, "grace@acme.example") is None
        assert due(project, MONDAY) == "2026-W10"
    assert [mail["To"] for mail in server.messages] == ["grace@acme.example"]


def test_trying_it_counts_for_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        for _ in range(2):
            assert asked(project, "--to", "ada@acme.example").exit_code == 0
    assert len(server.messages) == 2
    assert due(project, MONDAY) == "2026-W10"


def test_a_server_that_is_down_is_tried_again_and_one_that_refuses_is_not(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIPS_SMTP_URL", "smtp://127.0.0.1:1")
    down = asked(project, "--send")
    assert (down.exit_code, down.output.count("it is tried again")) == (1, 2)
    assert due(project, MONDAY) == "2026-W10"
    with ScriptedServer(on_rcpt=lambda to: "550 5.1.1 nobody" if to.startswith("ada") else None) as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        refused = asked(project, "--send")
        assert (refused.exit_code, "ada@acme.example: the mail server" in refused.output) == (1, True)
        assert due(project, MONDAY) is None
        assert asked(project, "--send").exit_code == 0
    assert [mail["To"] for mail in server.messages] == ["grace@acme.example"]


KILLED = """
import os, sys
from pathlib import Path
from dagster_drips.project import Project
from dagster_drips.report import weekly
from dagster_drips.settings import load_settings

weekly.hand_over = lambda *_: os._exit(9)
project = Project(Path(sys.argv[1]))
weekly.send_weekly(project, load_settings(project), weekly.Week.parse(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_kill_while_it_goes_out_sends_none_twice(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        killed = subprocess.run([sys.executable, "-c", KILLED, str(project.root), str(WEEK)], check=False)
        assert killed.returncode == 9
        assert list(read_sent(project, WEEK).recipients.values()) == ["claimed"]
        done = send_weekly(project, load_settings(project), WEEK)
    assert (done.sent, done.had) == (["grace@acme.example"], ["ada@acme.example"])
    assert [mail["To"] for mail in server.messages] == ["grace@acme.example"]


def test_it_is_due_when_its_hour_has_come_and_the_week_is_measured(project: Project) -> None:
    assert due(project, datetime(2026, 3, 9, 7, 59)) is None
    assert due(project, datetime(2026, 3, 14, 3)) == "2026-W10", "what was missed goes out later"
    assert due(project, datetime(2026, 3, 16, 8)) is None, "the tick of that week's end has not come"
    (project.sequences / "project.yml").write_text("timezone: UTC\n")
    assert due(project, MONDAY) is None


@pytest.mark.slow
def test_dagster_looks_and_sends_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    from dagster_drips.orchestration import weekly_report
    from dagster_drips.orchestration.weekly_report import build_report_job, build_report_schedule

    monkeypatch.setattr(weekly_report, "utc_now", lambda: MONDAY)
    job = build_report_job(project)
    schedule = build_report_schedule(project, job)
    with ScriptedServer() as server, dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        [request] = schedule.evaluate_tick(dg.build_schedule_context(instance)).run_requests or []
        assert request.tags["drips/week"] == "2026-W10"
        assert job.execute_in_process(instance=instance).success
        after = schedule.evaluate_tick(dg.build_schedule_context(instance))
        assert (after.run_requests, after.skip_message) == ([], "no report is due")
        (project.sequences / "project.yml").write_text("timezone: UTC\n")
        failed = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not failed.success
    assert len(server.messages) == 2


def test_a_copy_of_the_project_sends_none(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mark_place(project)
    project.root.rename(tmp_path / "moved")
    import shutil

    shutil.copytree(tmp_path / "moved", project.root, symlinks=True)
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        done = asked(project, "--send")
    assert (done.exit_code, "drips adopt" in done.output + str(done.exception)) == (1, True)
    assert server.messages == []


def test_the_file_is_written_and_mistakes_are_one_line(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert asked(project, "--out", str(out)).exit_code == 0
    assert out.read_text().startswith("<!doctype html>")
    assert asked(project).exit_code == 2
    for arguments, told in (
        (["--out", str(out), "--week", "48"], "write it like 2026-W48"),
        (["--to", "nobody"], "not a mail address"),
        (["--send"], "DRIPS_SMTP_URL"),
    ):
        done = asked(project, *arguments)
        assert (done.exit_code, told in done.output + str(done.exception)) == (1, True), done.output
    (project.sequences / "project.yml").write_text("timezone: UTC\n")
    done = asked(project, "--send")
    assert (done.exit_code, "has no report" in done.output + str(done.exception)) == (1, True)
