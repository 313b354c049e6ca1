"""When things run: jobs, the schedule, the sensors that start them. Dagster only; sensors that tell are in `watching`.

Sensors look at landing files and at materialization metadata, never at the warehouse: a look at its file would stop
the pipeline from writing to it.
"""

import hashlib
import os

import dagster as dg

from dagster_drips.assets.naming import DELIVERY_LOG, DUE_STEPS, MEASURE
from dagster_drips.assets.run_tick import tags_of
from dagster_drips.landing import landing_files
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

_AFTER_SENDING = dg.AssetSelection.groups(MEASURE) | dg.AssetSelection.assets(
    ["journal", "enrollment_closings"], ["journal", "ticks"]
)
_SENDING = _AFTER_SENDING | dg.AssetSelection.assets(DELIVERY_LOG)
_ON = dg.DefaultSensorStatus.RUNNING

# Steps of a job share one process: a process of its own for each costs more than its work, and DuckDB has one writer.
tick_job = dg.define_asset_job(
    "tick", dg.AssetSelection.all(), executor_def=dg.in_process_executor, description="A whole tick in one run."
)
rest_job = dg.define_asset_job(
    "tick_without_sending",
    dg.AssetSelection.all() - dg.AssetSelection.assets(DELIVERY_LOG),
    executor_def=dg.in_process_executor,
    description="A whole tick; what is due stays due.",
)
decide_job = dg.define_asset_job(
    "decide",
    dg.AssetSelection.all() - _SENDING,
    executor_def=dg.in_process_executor,
    description="Load what was landed and decide; the due-steps sensor goes on from there.",
)
send_job = dg.define_asset_job(
    "send", _SENDING, executor_def=dg.in_process_executor, description="Send what is due, then measure."
)
measure_job = dg.define_asset_job(
    "measure",
    _AFTER_SENDING,
    executor_def=dg.in_process_executor,
    description="Nothing is due: finish the tick, measure.",
)

every_few_minutes = dg.ScheduleDefinition(
    name="every_few_minutes",
    job=decide_job,
    cron_schedule=os.environ.get("DRIPS_SCHEDULE", "*/5 * * * *"),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="A tick every 5 minutes; DRIPS_SCHEDULE is another cron expression.",
)


def build_inbox_schedule(project: Project, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The mailbox every 5 minutes, where there is one; what it lands is the landing sensor's matter."""

    @dg.schedule(
        name="inbox",
        job=job,
        cron_schedule=os.environ.get("DRIPS_INBOX_SCHEDULE", "*/5 * * * *"),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads the mailbox every 5 minutes; DRIPS_INBOX_SCHEDULE is another cron expression.",
    )
    def inbox_schedule() -> dg.RunRequest | dg.SkipReason:
        if load_settings(project).imap_url is None:
            return dg.SkipReason("DRIPS_IMAP_URL is not set")
        return dg.RunRequest()

    return inbox_schedule


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

    @dg.sensor(
        name="landing_files",
        job=decide_job,
        default_status=_ON,
        minimum_interval_seconds=30,
        description="New files under data/landing/: decide at once.",
    )
    def landing_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        seen = _listing(project)
        if seen == context.cursor:
            return dg.SkipReason("nothing new has landed")
        context.update_cursor(seen)
        return dg.RunRequest(run_key=f"landing:{seen}")

    return landing_sensor


def _listing(project: Project) -> str:
    listed = "".join(f"{file.path}\0{file.state}\n" for file in landing_files(project))
    return hashlib.sha256(listed.encode()).hexdigest()
