"""The sensor behind a run that has sent in shards; the run itself is in `test_never_twice`."""

from pathlib import Path

import dagster as dg

from dagster_drips.orchestration.names import Names
from dagster_drips.orchestration.sending_in_shards import build_sent_sensor, build_shards_job
from dagster_drips.project import Project


@dg.op
def nothing() -> None:
    pass


@dg.job
def measure() -> None:
    nothing()


def test_the_tick_whose_mail_was_sent_in_shards_is_measured_and_no_other(tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    project = Project.at(tmp_path)
    names = Names(name_prefix="drips_")
    job = build_shards_job(project, names)
    sensor = build_sent_sensor(project, job, measure, names)
    tags = {"drips/as_of": "2026-03-02T08:00:00Z", "drips/begun_at": "2026-03-02T08:00:01", "other": "x"}
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.DagsterRun(job_name=job.name, run_id="d2c7a3c9-0d21-4b6a-9a43-6a1a2d6e2d6f", tags=tags)
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job.name)
        context = dg.build_run_status_sensor_context(sensor.name, event, instance, run)
        request = sensor(context)
    assert (job.name, sensor.name) == ("drips_send_in_shards", "drips_sent_in_shards")
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "d2c7a3c9-0d21-4b6a-9a43-6a1a2d6e2d6f:measure"
    assert request.tags == {"drips/project": str(project.root), **{name: tags[name] for name in list(tags)[:2]}}
