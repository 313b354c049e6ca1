"""Sensors that start runs: new files have landed, due steps were decided.

They look at landing files and at materialization metadata, never at the warehouse: a look at its file would stop the
pipeline from writing to it. Sensors that tell people are in `alert_sensors`.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from dagster_drips.locks import is_held
from dagster_drips.orchestration.names import OURS, PROJECT_TAG, Names
from dagster_drips.orchestration.run_records import finishes_its_tick, ticks_now
from dagster_drips.orchestration.tick_tags import tags_of
from dagster_drips.pipeline.in_bucket import fetch_to_look
from dagster_drips.pipeline.landing_news import LandingWatch
from dagster_drips.project import Project
from dagster_drips.temporaries import RUN_LOCK


def _integer(materialization: dg.AssetMaterialization, name: str) -> int:
    value = materialization.metadata[name].value if name in materialization.metadata else 0
    return value if isinstance(value, int) else 0


def build_due_steps_sensor(project: Project, jobs: Sequence[Any], names: Names = OURS) -> dg.SensorDefinition:
    """What goes on where a run decided and did no more, such as one of the job `decide`.

    Args:
        project: whose due steps.
        jobs: what sends, and `measure`.
        names: of the assets.
    """
    sending, measuring = (job.name for job in jobs)

    @dg.asset_sensor(
        asset_key=names.due_steps,
        name=names.name("due_steps"),
        jobs=jobs,
        default_status=names.sensor_status,
        minimum_interval_seconds=30,
        description="A run decided due steps and does not send: send them; where there are none, finish and measure.",
    )
    def due_steps_sensor(context: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
        """One run for each materialization of `decide/due_steps`; it finishes that tick and no later one."""
        materialization = event.asset_materialization
        run = context.instance.get_run_by_id(event.run_id)
        if materialization is None or (run is not None and finishes_its_tick(run, names)):
            return dg.SkipReason("the run that decided goes on by itself")
        due = _integer(materialization, "due")
        job = sending if due else measuring
        tags = {"drips/due": str(due), PROJECT_TAG: str(project.root), **tags_of(materialization)}
        return dg.RunRequest(run_key=f"{event.run_id}:{job}", job_name=job, tags=tags)

    return due_steps_sensor


def build_landing_sensor(project: Project, names: Names = OURS) -> dg.SensorDefinition:
    """A tick as soon as new files have landed, without waiting for the schedule."""

    watch = LandingWatch(project)

    @dg.sensor(
        name=names.name("landing_files"),
        job_name=names.name("tick"),
        default_status=names.sensor_status,
        minimum_interval_seconds=5,
        description="New files under data/landing/: a tick at once. Opens and clicks that no step asks for wait.",
    )
    def landing_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if problem := fetch_to_look(project):
            context.log.warning(problem)
        news = watch.look(context.cursor)
        if not news.is_urgent:
            context.update_cursor(news.digest)
            return dg.SkipReason(news.why_not)
        now = ticks_now(context.instance, names)
        if now.waiting is None and is_held(project.data / RUN_LOCK):
            # It may have loaded already; the look after its end asks again.
            return dg.SkipReason("a tick goes on; what has landed since is the next one's")
        context.update_cursor(news.digest)
        if now.waiting is not None:
            return dg.SkipReason(f"a tick is about to begin, and sees it: run {now.waiting}")
        return dg.RunRequest(run_key=f"landing:{news.digest}", tags={PROJECT_TAG: str(project.root)})

    return landing_sensor
