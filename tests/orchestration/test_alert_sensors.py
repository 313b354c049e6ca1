"""What goes wrong is told: runs that fail, and checks that fail in runs that end well; each once."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from dagster_drips.alerts.looking import RunEnd
from dagster_drips.errors import DripsError
from dagster_drips.orchestration import alerts
from dagster_drips.orchestration.alert_sensors import build_check_sensor, build_failure_sensor, build_stopped_sensor
from dagster_drips.orchestration.alerts import Alert
from dagster_drips.orchestration.names import FINISHED_TICK

pytestmark = pytest.mark.slow

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


class Watched:
    """An asset whose check fails as a test says, its runs, and what is told of them."""

    def __init__(self, instance: dg.DagsterInstance, *, ours: bool = True):
        self.instance = instance
        self.told: list[Alert] = []
        self.result: dict[str, Any] = {}
        self.fails: bool | Exception = False
        self.ended: list[RunEnd | None] = []
        self._checks = build_check_sensor(self.told.append, self.ended.append, is_ours=lambda run: ours)
        self._failures = build_failure_sensor(self.told.append, self.ended.append, is_ours=lambda run: ours)

        @dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="mail")])
        def mail() -> dg.MaterializeResult:
            return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="fine", **self.result)])

        @dg.asset(deps=[mail])
        def report() -> None:
            if self.fails:
                raise self.fails if isinstance(self.fails, Exception) else RuntimeError("no paper")

        self._definitions = dg.Definitions([mail, report], jobs=[dg.define_asset_job("everything")])

    def run(self, **result: Any) -> list[str]:
        """One run with that outcome of the check; what was told of it."""
        self.result = result
        job = self._definitions.resolve_job_def("everything")
        done = job.execute_in_process(instance=self.instance, raise_on_error=False)
        event = done.get_run_failure_event() if self.fails else done.get_run_success_event()
        context = dg.build_run_status_sensor_context(
            sensor_name="watching", dagster_event=event, dagster_instance=self.instance, dagster_run=done.dagster_run
        )
        before = len(self.told)
        if self.fails:
            self._failures(context.for_run_failure())
        else:
            self._checks(context)
        return [str(alert).replace(done.run_id, "RUN") for alert in self.told[before:]]


@pytest.fixture
def watched() -> Any:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(instance)


def test_of_runs_that_others_have_in_the_same_location_nothing_is_told() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        others = Watched(instance, ours=False)
        assert others.run(passed=False, description="down") == []
        others.fails = True
        assert others.run(passed=True) == []
        assert others.ended == []


def test_a_failed_check_of_a_run_that_succeeded_is_told_until_it_is_known(watched: Watched) -> None:
    down = {"passed": False, "description": "mail.acme.example can't be reached"}
    told = ["checks failed in run RUN of everything\n  mail fine: mail.acme.example can't be reached"]
    assert watched.run(passed=True) == []
    assert watched.run(**down) == told
    assert watched.run(**down) == []
    other = watched.run(passed=False, description="the password is wrong")
    assert other == ["checks failed in run RUN of everything\n  mail fine: the password is wrong"]
    assert watched.run(passed=True) == []
    assert watched.run(**down) == told


def test_a_warning_is_not_told_and_a_check_without_words_by_its_metadata(watched: Watched) -> None:
    assert watched.run(passed=False, severity=WARN, description="3 rejected") == []
    [told] = watched.run(passed=False, severity=ERROR, metadata={"left_due": 3, "nothing": 0})
    assert told.endswith("mail fine: left_due: 3")


def test_a_failed_run_is_told_with_its_reason_and_the_checks_that_failed_in_it(watched: Watched) -> None:
    watched.fails = True
    [told] = watched.run(passed=False, description="mail.acme.example can't be reached")
    title, check = told.splitlines()
    assert title.startswith("run RUN of everything failed: ")
    assert "report" in title
    assert check == "  mail fine: mail.acme.example can't be reached"
    watched.fails = False
    assert watched.run(passed=False, description="mail.acme.example can't be reached") == []


def test_how_a_run_ended_is_for_alerts_to_know(watched: Watched) -> None:
    watched.run(passed=True)
    watched.fails = True
    watched.run(passed=True)
    well, failed = watched.ended
    assert well == RunEnd("everything")
    watched.fails = DripsError("no mail server is set")
    watched.run(passed=True)
    known = watched.ended[-1]
    assert failed is not None
    assert known is not None
    assert known.problem == "step report: no mail server is set"
    assert (failed.job, failed.problem, bool(failed.run_id)) == ("everything", "step report", True)


def test_without_a_hook_of_ones_own_an_alert_is_an_error_on_the_log(caplog: pytest.LogCaptureFixture) -> None:
    alerts.send(Alert("checks failed", ("mail fine: no",), "run"))
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, "checks failed\n  mail fine: no")
    ]


class Clockwork:
    """The sensor for stopped ticks, looked at as time goes by."""

    def __init__(self, instance: dg.DagsterInstance):
        self._instance = instance
        self._now = time.time()
        self._cursor: str | None = None
        self._told: list[Alert] = []
        self.looks: list[RunEnd | None] = []
        limit = timedelta(minutes=15)
        self._sensor = build_stopped_sensor(limit, self._told.append, self.looks.append, now=lambda: self._now)

        @dg.asset(key=FINISHED_TICK)
        def tick() -> None: ...

        self._tick = tick

    def finish_tick(self) -> None:
        dg.materialize([self._tick], instance=self._instance)
        event = self._instance.get_latest_materialization_event(FINISHED_TICK)
        assert event is not None
        self._now = event.timestamp

    def told_after(self, minutes: float) -> list[str]:
        """What a look says so many minutes after the last one."""
        self._now += 60 * minutes
        before = len(self._told)
        context = dg.build_sensor_context(instance=self._instance, cursor=self._cursor)
        self._sensor(context)
        self._cursor = context.cursor
        return [str(alert) for alert in self._told[before:]]


def test_ticks_that_stopped_are_told_once_until_one_has_finished_again() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        clockwork = Clockwork(instance)
        assert clockwork.told_after(0) == [], "a new installation has had no time to tick"
        [told] = clockwork.told_after(16)
        assert "no tick has finished since" in told
        clockwork.finish_tick()
        assert clockwork.told_after(14) == []
        [told] = clockwork.told_after(2)
        assert "within 0:15:00" in told
        assert clockwork.told_after(600) == []
        clockwork.finish_tick()
        assert clockwork.told_after(1) == []
        assert len(clockwork.told_after(15)) == 1
        assert clockwork.looks == [None] * 7, "alerts are looked at each time"
