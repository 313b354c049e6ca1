"""Runs that are over for long are taken out of Dagster's records: a tick leaves up to a megabyte, 288 times a day.

Here belongs what is no longer shown. What was decided and sent stands in journals and marts, and stays. Looks of
sensors and schedules are Dagster's own matter (`retention` in `dagster.yaml`).
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from dagster_drips.errors import DripsError
from dagster_drips.orchestration.names import PROJECT_TAG
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

_OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_AT_ONCE = 200
"""Runs looked for at once: a record holds all of a run's tags and configuration."""


def prune_runs(instance: dg.DagsterInstance, project: Project, before: datetime) -> int:
    """Delete the records of runs that schedules and sensors of this project started and that have ended.

    Args:
        instance: whose; runs of other projects stay.
        project: whose runs.
        before: with a time zone; what began later stays.

    Returns:
        How many were deleted.
    """
    old = dg.RunsFilter(statuses=_OVER, tags={PROJECT_TAG: str(project.root)}, created_before=before)
    deleted = 0
    while records := instance.get_run_records(old, limit=_AT_ONCE):
        for record in records:
            run_id = record.dagster_run.run_id
            instance.delete_run(run_id)
            _delete_files(instance, run_id)
        deleted += len(records)
    return deleted


def _delete_files(instance: dg.DagsterInstance, run_id: str) -> None:
    """What an instance in a folder keeps of a run in files of its own: a database that is emptied stays as large."""
    root = Path(instance.root_directory)
    for path in (root / "history" / "runs").glob(f"{run_id}.db*"):
        path.unlink(missing_ok=True)
    shutil.rmtree(root / "storage" / run_id, ignore_errors=True)


def build_prune_job(project: Project) -> dg.JobDefinition:
    """The job of one project."""

    @dg.op(description="Deletes what Dagster keeps of runs that ended more than DRIPS_KEEP_RUNS_DAYS ago.")
    def delete_old_runs(context: dg.OpExecutionContext) -> None:
        try:
            before = datetime.now(UTC) - timedelta(days=load_settings(project).keep_runs_days)
        except DripsError as error:
            raise dg.Failure(str(error)) from error
        context.add_output_metadata({"deleted": prune_runs(context.instance, project, before)})

    @dg.job(name="prune", executor_def=dg.in_process_executor, description="Delete the records of old runs.")
    def prune() -> None:
        delete_old_runs()

    return prune


def build_prune_schedule(project: Project, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Starts the job every hour, so that there is never much to delete."""

    @dg.schedule(
        name="old_runs",
        job=job,
        cron_schedule="17 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Deletes the records of runs that ended more than DRIPS_KEEP_RUNS_DAYS ago.",
    )
    def old_runs() -> dg.RunRequest:
        return dg.RunRequest(tags={PROJECT_TAG: str(project.root)})

    return old_runs
