"""Sensors that start runs: new files have landed, due steps were decided.

They look at landing files and at materialization metadata, never at the warehouse: a look at its file would stop the
pipeline from writing to it. Sensors that tell people are in `alert_sensors`.
"""

import dagster as dg

from dagster_drips.orchestration.jobs import decide_job, measure_job, send_job
from dagster_drips.orchestration.names import DUE_STEPS
from dagster_drips.orchestration.tick_tags import tags_of
from dagster_drips.pipeline.landing_news import LandingWatch
from dagster_drips.project import Project

_ON = dg.DefaultSensorStatus.RUNNING


def _integer(materialization: dg.AssetMaterialization, name: str) -> int:
    value = materialization.metadata[name].value if name in materialization.metadata else 0
    return value if isinstance(value, int) else 0


@dg.asset_sensor(
    asset_key=DUE_STEPS,
    name="due_steps",
    jobs=[send_job, measure_job],
    default_status=_ON,
    minimum_interval_seconds=5,
    description="Due steps were decided: send them; where there are none, finish the tick and measure.",
)
def due_steps_sensor(context: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
    """One run for each materialization of `decide/due_steps`; it finishes that tick and no later one."""
    materialization = event.asset_materialization
    if materialization is None:
        return dg.SkipReason("not a materialization")
    due = _integer(materialization, "due")
    job = send_job if due else measure_job
    tags = {"drips/due": str(due), **tags_of(materialization)}
    return dg.RunRequest(run_key=f"{event.run_id}:{job.name}", job_name=job.name, tags=tags)


def build_landing_sensor(project: Project) -> dg.SensorDefinition:
    """A tick as soon as new files have landed, without waiting for the schedule."""

    watch = LandingWatch(project)

    @dg.sensor(
        name="landing_files",
        job=decide_job,
        default_status=_ON,
        minimum_interval_seconds=30,
        description="New files under data/landing/: decide at once. Opens and clicks that no step asks for wait.",
    )
    def landing_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        news = watch.look(context.cursor)
        context.update_cursor(news.digest)
        return dg.RunRequest(run_key=f"landing:{news.digest}") if news.is_urgent else dg.SkipReason(news.why_not)

    return landing_sensor
