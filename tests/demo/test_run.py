"""A small demo from end to end: the real pipeline, a real mail server, and the same messages again in a replay."""

from __future__ import annotations

import smtplib
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import REPOSITORY

from dagster_drips.cli.status import read_status
from dagster_drips.demo.run import DemoPlan, DemoReport, run_demo, steps_of
from dagster_drips.demo.sink_process import mail_sink
from dagster_drips.pipeline.replay import Span, replayed, sends
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

PLAN = DemoPlan(
    leads=250,
    events=2_500,
    first_tick=datetime(2026, 3, 3, 2),
    last_tick=datetime(2026, 3, 4, 14),
    sample_start=datetime(2026, 2, 13),
)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def again(report: DemoReport) -> list[tuple[datetime, str]]:
    """What a replay of the demo would send."""
    span = Span(PLAN.first_tick, PLAN.last_tick, PLAN.every)
    with replayed(report.project, span) as (warehouse, _):
        return [tuple(row) for row in sends(warehouse, span).select("as_of", "message_id").rows()]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> DemoReport:
    folder = tmp_path_factory.mktemp("elsewhere") / "drips-demo"
    return run_demo(Project.at(REPOSITORY), folder, PLAN, on_step=told.append)


def test_every_message_is_caught_once_and_goes_to_nobody_real(report: DemoReport) -> None:
    caught = sorted(report.project.outbox.glob("*.eml"))
    messages = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in caught]
    with open_warehouse(report.project.published / "drips.duckdb", read_only=True) as warehouse:
        sent = warehouse.rows(
            "select message_id, recipient from marts.messages where status = 'sent' order by message_id"
        )
    assert [message["X-Drips-Message-Id"] for message in messages] == [row["message_id"] for row in sent]
    assert len(sent) == report.sent > 50
    assert all(row["recipient"].endswith(".example") for row in sent)


def test_people_reacted_and_machines_are_told_apart(report: DemoReport) -> None:
    with open_warehouse(report.project.published / "drips.duckdb", read_only=True) as warehouse:
        counts = warehouse.rows(
            "select sum(opens) as opens, sum(human_opens) as human_opens, sum(clicks) as clicks,"
            " sum(human_clicks) as human_clicks, count(bounced_at) as bounced from marts.messages"
        )[0]
    assert counts["opens"] > counts["human_opens"] > 0
    assert counts["clicks"] > counts["human_clicks"] > 0


def test_the_marts_end_as_tables_and_in_published(report: DemoReport) -> None:
    assert sum(row["sent"] for row in report.tables.sequences) == report.sent
    assert {"enrolled", "outside_segments"} <= {row["decision"] for row in report.tables.decisions}
    assert sum(row["rejected"] for row in report.tables.landed) == report.sample.rejected
    assert all(row["subject"] for row in report.tables.outbox)
    assert (report.project.published / "drips.duckdb").is_file()


def test_progress_is_told_as_often_as_promised(report: DemoReport, told: list[str]) -> None:
    assert len(told) == steps_of(PLAN)


def test_a_replay_of_the_landed_files_sends_the_same_messages(
    report: DemoReport, again: list[tuple[datetime, str]]
) -> None:
    with open_warehouse(report.project.published / "drips.duckdb", read_only=True) as warehouse:
        live = warehouse.frame(
            "select sent_as_of, message_id from marts.messages order by sent_as_of, message_id"
        ).rows()
    assert again == live


@pytest.mark.usefixtures("again")  # dbt lets go of the demo's warehouse when this process gives it another one
def test_status_tells_what_the_demo_left(report: DemoReport) -> None:
    status = read_status(report.project)
    assert status.last_tick is not None
    assert status.last_tick["as_of"] == PLAN.last_tick
    assert status.last_tick["phases"] == ["decided", "finished"]
    assert {row["sequence_id"]: row["enrolled"] for row in status.enrolled} == {
        row["sequence"]: row["enrolled"] for row in report.tables.sequences if row["enrolled"]
    }
    assert any(row["next_at"] and row["next_at"] > PLAN.last_tick for row in status.due_next)
    assert all("rejected" in problem for problem in status.problems)


def test_the_mail_server_ends_with_the_demo(tmp_path: Path) -> None:
    with mail_sink(tmp_path / "outbox") as url:
        address = urlsplit(url)
        host, port = str(address.hostname), int(address.port or 0)
        with smtplib.SMTP(host, port, timeout=10) as client:
            client.sendmail("a@acme.example", ["b@acme.example"], "Subject: hello\r\n\r\nhello\r\n")
        assert len(list((tmp_path / "outbox").glob("*.eml"))) == 1
    with pytest.raises(OSError), smtplib.SMTP(host, port, timeout=10):
        pass
