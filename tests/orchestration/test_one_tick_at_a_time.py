"""Schedule and landing sensor start one tick where both would, and none is started for a tick that finishes itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_drips.locks import exclusive
from dagster_drips.orchestration.assets.inbox import build_inbox_job
from dagster_drips.orchestration.names import DUE_STEPS, FINISHED_TICK, PROJECT_TAG
from dagster_drips.orchestration.run_records import finishes_its_tick
from dagster_drips.orchestration.schedules import build_schedules
from dagster_drips.orchestration.sensors import build_due_steps_sensor, build_landing_sensor
from dagster_drips.project import Project
from dagster_drips.temporaries import RUN_LOCK

WAITING, STARTED = dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project", "data/landing/events"):
        (tmp_path / name).mkdir(parents=True)
    return Project.at(tmp_path)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


def run(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    @dg.job(name=job)
    def there() -> None: ...

    return instance.create_run_for_job(there, status=status)


def scheduled(project: Project, instance: dg.DagsterInstance) -> int:
    [schedule, _] = build_schedules(project, build_inbox_job(project))
    requests = schedule.evaluate_tick(dg.build_schedule_context(instance)).run_requests or []
    assert all(request.tags[PROJECT_TAG] == str(project.root) for request in requests)
    return len(requests)


def test_the_schedule_starts_no_tick_beside_one_that_is_about_to_begin(
    project: Project, instance: dg.DagsterInstance
) -> None:
    assert scheduled(project, instance) == 1
    run(instance, "inbox", WAITING)
    assert scheduled(project, instance) == 1
    run(instance, "tick", STARTED)  # it decides by an earlier instant
    with exclusive(project.data / RUN_LOCK):
        assert scheduled(project, instance) == 1
    run(instance, "tick", WAITING)
    assert scheduled(project, instance) == 0


def test_of_ticks_that_were_started_one_waits_for_the_other_and_no_third_is_started(
    project: Project, instance: dg.DagsterInstance
) -> None:
    run(instance, "tick", STARTED)
    run(instance, "send", STARTED)
    with exclusive(project.data / RUN_LOCK):
        assert scheduled(project, instance) == 0
    assert scheduled(project, instance) == 1, "their processes are gone, or nobody would be able to take the lock"


def test_what_lands_while_a_tick_goes_on_is_the_next_ones(project: Project, instance: dg.DagsterInstance) -> None:
    sensor = build_landing_sensor(project)

    def looked(cursor: str | None) -> tuple[int, str | None]:
        tick = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor))
        return len(tick.run_requests or []), tick.cursor

    _, cursor = looked(None)
    (project.landing / "events" / "a.jsonl").write_text("{}\n")
    with exclusive(project.data / RUN_LOCK):
        assert looked(cursor) == (0, cursor)
    started, after = looked(cursor)
    assert (started, after != cursor) == (1, True)
    assert looked(after)[0] == 0


def test_what_lands_before_a_tick_that_waits_is_that_ones(project: Project, instance: dg.DagsterInstance) -> None:
    run(instance, "tick", WAITING)
    tick = build_landing_sensor(project).evaluate_tick(dg.build_sensor_context(instance))
    assert tick.run_requests == [] and tick.cursor
    assert "is about to begin, and sees it" in str(tick.skip_message)


@pytest.mark.parametrize(("job", "goes_on"), [("tick", 0), ("tick_without_sending", 0), ("decide", 1)])
def test_only_a_run_that_decided_and_did_no_more_is_gone_on_with(
    project: Project, instance: dg.DagsterInstance, job: str, goes_on: int
) -> None:
    @dg.asset(key=DUE_STEPS)
    def due_steps() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"due": 3})

    definitions = dg.Definitions([due_steps], jobs=[dg.define_asset_job(job)])
    definitions.resolve_job_def(job).execute_in_process(instance=instance)
    context = dg.build_sensor_context(instance, repository_def=definitions.get_repository_def())
    sensor = build_due_steps_sensor(project, [dg.define_asset_job(name) for name in ("send", "measure")])
    requests = sensor.evaluate_tick(context).run_requests or []
    assert [request.job_name for request in requests] == ["send"] * goes_on
    assert all(request.tags[PROJECT_TAG] == str(project.root) for request in requests)


def test_of_single_assets_those_finish_a_tick_that_end_with_it() -> None:
    whole = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset({DUE_STEPS, FINISHED_TICK}))
    half = dg.DagsterRun(job_name="tick", asset_selection=frozenset({DUE_STEPS}))
    assert (finishes_its_tick(whole), finishes_its_tick(half)) == (True, False)
