"""The mailbox in Dagster: its schedule, and a job that lands files and tells what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from inbox import dovecot, mails
from inbox.dovecot import Account, Dovecot

from dagster_drips.locks import exclusive
from dagster_drips.orchestration.assets.inbox import build_inbox_job
from dagster_drips.orchestration.schedules import build_schedules
from dagster_drips.project import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    return Project.at(tmp_path)


@pytest.fixture
def account() -> Iterator[Account]:
    if reason := dovecot.missing():
        pytest.skip(reason)
    with Dovecot() as server:
        yield server.new_account()


def run(project: Project) -> dg.ExecuteInProcessResult:
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return build_inbox_job(project).execute_in_process(run_config=config, raise_on_error=False)


def test_the_schedule_rests_until_there_is_a_mailbox(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    [_, schedule] = build_schedules(project, build_inbox_job(project))
    assert (schedule.cron_schedule, schedule.default_status) == ("*/5 * * * *", dg.DefaultScheduleStatus.RUNNING)
    with dg.DagsterInstance.ephemeral() as instance:
        tick = schedule.evaluate_tick(dg.build_schedule_context(instance))
        assert (tick.run_requests or [], tick.skip_message) == ([], "DRIPS_IMAP_URL is not set")
        monkeypatch.setenv("DRIPS_IMAP_URL", "imaps://ada:pw@mail.example")
        tick = schedule.evaluate_tick(dg.build_schedule_context(instance))
        assert len(tick.run_requests or []) == 1


def test_the_job_lands_what_came_back_while_a_tick_goes_on(
    project: Project, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deliver(mails.dsn(mails.group("5.1.1")))
    monkeypatch.setenv("DRIPS_IMAP_URL", account.url())
    with exclusive(project.data / "run.lock"):
        assert run(project).success
    [landed] = (project.landing / "engagement").glob("*.jsonl")
    assert mails.MESSAGE_ID in landed.read_text()


def test_a_mailbox_that_does_not_answer_fails_the_run_with_its_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIPS_IMAP_URL", "imap://ada:s3cret@127.0.0.1:1")
    result = run(project)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "the mail server 127.0.0.1:1 can't be reached" in str(failure.event_specific_data)
    assert "s3cret" not in str(failure.event_specific_data)
