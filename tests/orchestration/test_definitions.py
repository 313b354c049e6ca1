"""What Dagster shows of a project: assets and their lineage, jobs, schedule, sensors."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from code_location import CodeLocation, code_location_in
from conftest import DBT_PACKAGE
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from dagster_drips.alerts.stopped_ticks import oldest_tick
from dagster_drips.errors import DripsError
from dagster_drips.orchestration.assets.dbt import Translator
from dagster_drips.orchestration.assets.inbox import build_inbox_job
from dagster_drips.orchestration.names import FINISHED_TICK, PUBLISHED, TICK
from dagster_drips.orchestration.schedules import build_schedules
from dagster_drips.orchestration.sensors import build_landing_sensor
from dagster_drips.pipeline.data_test_checks import subject_of
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

pytestmark = pytest.mark.slow

DUE_STEPS = dg.AssetKey(["decide", "due_steps"])
JOBS = ["compact", "decide", "inbox", "measure", "prune", "report", "send", "tick", "tick_without_sending"]
IN_STEPS = "send_in_shards"
MARTS = [
    *("enrollment_decisions", "enrollments", "messages", "sequence_performance", "step_performance"),
    *("segment_memberships", "segment_sizes", "lead_profiles", "pipeline_latency"),
]


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> CodeLocation:
    return code_location_in(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def specs(location: CodeLocation) -> dict[str, dg.AssetSpec]:
    return location.specs()


# Assets --------------------------------------------------------------------------------------------------------------


def test_every_asset_has_a_group_a_kind_an_owner_and_a_description(specs: dict[str, dg.AssetSpec]) -> None:
    assert len(specs) > 50
    assert [name for name, spec in specs.items() if spec.group_name in (None, "default")] == []
    assert [name for name, spec in specs.items() if not spec.kinds] == []
    assert [name for name, spec in specs.items() if not spec.owners] == []
    undescribed = [name for name, spec in specs.items() if not (spec.description or "").strip()]
    assert undescribed == []


def _ancestors(name: str, specs: dict[str, dg.AssetSpec]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for dependency in specs[waiting.pop()].deps:
            parent = "/".join(dependency.asset_key.path)
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def test_every_mart_descends_from_the_landed_files_and_from_what_was_sent(specs: dict[str, dg.AssetSpec]) -> None:
    marts = {name for name in specs if name.startswith("marts/")}
    assert marts >= {f"marts/{name}" for name in MARTS}
    for mart in sorted(marts):
        assert "landing/events" in _ancestors(mart, specs), mart
    assert _ancestors("marts/enrollments", specs) >= {f"landing/{kind}" for kind in LANDING_KINDS}
    assert "raw/delivery_log" in _ancestors("marts/messages", specs)
    assert "decide/due_steps" in _ancestors("raw/delivery_log", specs)
    assert "raw/sequences" in _ancestors("decide/due_steps", specs)


def test_a_tick_is_finished_with_what_it_sent_and_measured_when_it_is_finished(specs: dict[str, dg.AssetSpec]) -> None:
    finished = _ancestors("journal/enrollment_closings", specs)
    assert "after_sending/new_enrollment_completions" in finished
    assert "raw/delivery_log" in _ancestors("after_sending/new_enrollment_completions", specs)
    assert "journal/enrollment_closings" in _ancestors("marts/enrollments", specs)
    assert "raw/delivery_log" not in _ancestors("decide/due_steps", specs)
    assert [name for name in specs if name in _ancestors(name, specs)] == []


def test_what_is_published_descends_from_every_mart(specs: dict[str, dg.AssetSpec]) -> None:
    assert {name for name in specs if name.startswith("marts/")} <= _ancestors("published/marts", specs)


def test_nothing_hangs_in_the_air(specs: dict[str, dg.AssetSpec]) -> None:
    named = {"/".join(dependency.asset_key.path) for spec in specs.values() for dependency in spec.deps}
    assert named - set(specs) == set()


def test_a_segment_is_an_asset_as_soon_as_its_file_is_there(specs: dict[str, dg.AssetSpec]) -> None:
    assert specs["segments/everybody"].group_name == "segments"


def test_data_tests_and_files_are_asset_checks(location: CodeLocation) -> None:
    keys = {
        f"{'/'.join(key.asset_key.path)}:{key.name}"
        for key in location.definitions.resolve_asset_graph().asset_check_keys
    }
    assert {f"raw/{kind}:nothing_rejected" for kind in LANDING_KINDS} <= keys
    assert {"raw/sequences:files_are_valid", "decide/segment_members:segments_have_results"} <= keys
    files = (DBT_PACKAGE / "tests").glob("assert_*.sql")
    singular = {path.stem for path in files if "tags=['ci']" not in path.read_text(encoding="utf-8")}
    assert singular
    assert singular - {name.split(":")[1] for name in keys} == set()


# Jobs, schedule, sensors ----------------------------------------------------------------------------------------------


def test_each_job_runs_in_one_process_but_the_one_that_sends_in_several(location: CodeLocation) -> None:
    jobs = {job.name: job for job in location.definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    assert jobs.pop(IN_STEPS).executor_def.name == "multiprocess"
    assert sorted(jobs) == JOBS
    assert {job.executor_def.name for job in jobs.values()} == {"in_process"}


def test_a_tick_is_what_decide_and_send_are_together(location: CodeLocation) -> None:
    def assets(job: str) -> set[dg.AssetKey]:
        return set(location.definitions.resolve_job_def(job).asset_layer.executable_asset_keys)

    assert assets("decide") | assets("send") == assets("tick")
    assert assets("decide") & assets("send") == set()
    assert assets("tick") - assets("tick_without_sending") == {dg.AssetKey(["raw", "delivery_log"])}
    assert assets("send") - assets("measure") == {dg.AssetKey(["raw", "delivery_log"])}


def test_the_code_location_loads_with_its_schedule_and_sensors_on(location: CodeLocation) -> None:
    dg.Definitions.validate_loadable(location.definitions)
    ticks = location.definitions.resolve_schedule_def("every_few_minutes")
    assert (ticks.default_status, ticks.job_name) == (dg.DefaultScheduleStatus.RUNNING, "tick")
    for name in ("due_steps", "sent_in_shards", "landing_files", "run_failures", "failed_checks", "stopped_ticks"):
        sensor = location.definitions.resolve_sensor_def(name)
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_tick_and_what_is_published_are_stale_after_three_missed_ticks(location: CodeLocation) -> None:
    graph = location.definitions.resolve_asset_graph()
    for key in (TICK, FINISHED_TICK, PUBLISHED):
        policy = graph.get(key).freshness_policy_or_from_metadata
        assert (policy.fail_window.to_timedelta(), policy.warn_window.to_timedelta()) == (
            timedelta(minutes=15),
            timedelta(minutes=7.5),
        )
    assert graph.get(DUE_STEPS).freshness_policy_or_from_metadata is None


@pytest.mark.parametrize(("cron", "limit"), [("* * * * *", 15), ("*/5 * * * *", 15), ("@hourly", 180)])
def test_how_old_a_tick_may_be_follows_the_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cron: str, limit: int
) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("DRIPS_SCHEDULE", cron)
    assert oldest_tick(Project.at(tmp_path)) == timedelta(minutes=limit)


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_the_schedules_are_every_5_minutes_or_what_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    project = Project.at(tmp_path)

    def crons() -> list[str]:
        return [str(schedule.cron_schedule) for schedule in build_schedules(project, build_inbox_job(project))]

    # Another setting that is bad must not keep ticks from running.
    monkeypatch.setenv("DRIPS_SMTP_URL", "nonsense")
    assert crons() == ["*/5 * * * *", "*/5 * * * *"]
    if place == ".env":
        (project.root / ".env").write_text("DRIPS_SCHEDULE='0 7 * * 1'\nDRIPS_INBOX_SCHEDULE=@hourly\n")
    else:
        monkeypatch.setenv("DRIPS_SCHEDULE", "0 7 * * 1")
        monkeypatch.setenv("DRIPS_INBOX_SCHEDULE", "@hourly")
    assert crons() == ["0 7 * * 1", "@hourly"]
    monkeypatch.setenv("DRIPS_SCHEDULE", "every morning")
    with pytest.raises(DripsError, match=r"^DRIPS_SCHEDULE: not a cron expression; write five fields"):
        crons()


@pytest.mark.parametrize(("due", "job"), [(3, "send"), (0, "measure")])
def test_due_steps_are_sent_and_without_any_the_tick_is_finished(location: CodeLocation, due: int, job: str) -> None:
    due_steps_sensor = location.definitions.resolve_sensor_def("due_steps")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance, repository_def=location.definitions.get_repository_def())
        assert due_steps_sensor.evaluate_tick(context).run_requests == []
        instance.report_runless_asset_event(dg.AssetMaterialization(DUE_STEPS, metadata={"due": due}))
        context = dg.build_sensor_context(instance, repository_def=location.definitions.get_repository_def())
        tick = due_steps_sensor.evaluate_tick(context)
        assert tick.run_requests is not None
        assert [request.job_name for request in tick.run_requests] == [job]
        context = dg.build_sensor_context(
            instance, cursor=tick.cursor, repository_def=location.definitions.get_repository_def()
        )
        assert due_steps_sensor.evaluate_tick(context).run_requests == []


def test_new_files_start_a_tick_once(tmp_path: Path) -> None:
    root = tmp_path / "landed"
    for name in ("sequences", "dbt_project", "data/landing/events"):
        (root / name).mkdir(parents=True)
    sensor = build_landing_sensor(Project.at(root))
    with dg.DagsterInstance.ephemeral() as instance:

        def requests(cursor: str | None) -> tuple[list[str | None], str | None]:
            tick = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor))
            return [request.run_key for request in tick.run_requests or []], tick.cursor

        _, cursor = requests(None)
        assert requests(cursor)[0] == []
        (root / "data" / "landing" / "events" / "unfinished.jsonl.part").write_text("{}")
        assert requests(cursor)[0] == []
        (root / "data" / "landing" / "events" / "a.jsonl").write_text("{}\n")
        [first], after_first = requests(cursor)
        assert requests(after_first)[0] == []
        (root / "data" / "landing" / "events" / "b.csv").write_text("event_id\n")
        [second], after_second = requests(after_first)
        assert first != second
        (root / "data" / "landing" / "events" / "dt=2026-01-01").mkdir()
        (root / "data" / "landing" / "events" / "dt=2026-01-01" / "a.NDJSON").write_text("{}\n")
        [third], after_third = requests(after_second)
        (root / "data" / "landing" / "events" / "b.csv").write_text("event-id\n")
        [mended], _ = requests(after_third)
        assert len({first, second, third, mended}) == 4
    assert sensor.job_name == "tick"


# Checks --------------------------------------------------------------------------------------------------------------


def test_what_a_data_test_is_about_is_told_without_dagster_as_dagster_dbt_says_it(location: CodeLocation) -> None:
    manifest = json.loads((location.project.dbt / "target" / "manifest.json").read_text())
    tests = [name for name, node in manifest["nodes"].items() if node["resource_type"] == "test"]
    theirs = {name: get_asset_check_key_for_test(manifest, Translator(), name, project=None) for name in tests}
    known = {name: "/".join(key.asset_key.path) for name, key in theirs.items() if key}
    assert len(known) > 100
    assert {name: subject for name in tests if (subject := subject_of(manifest, name))} == known
