"""Runs that are over for long are taken out of Dagster's records: a tick leaves one to two megabytes.

Here belongs what is no longer shown. What was decided and sent stands in journals and marts, and stays. Looks of
sensors and schedules are Dagster's own matter (`retention` in `dagster.yaml`).
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from dagster_drips.errors import DripsError
from dagster_drips.orchestration.names import OURS, PROJECT_TAG, QUIET_TAG, Names
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

_OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_QUIET_FOR = timedelta(hours=1)
"""So long runs stay that decided nothing; on most days they are most of all."""
_AT_ONCE = 200
"""Runs looked for at once: a record holds all of a run's tags and configuration."""


def prune_runs(instance: dg.DagsterInstance, project: Project, before: datetime, *, quiet: bool = False) -> int:
    """Delete the records of runs that schedules and sensors of this project started and that have ended.

    Args:
        instance: whose; runs of other projects stay.
        project: whose runs.
        before: with a time zone; what began later stays.
        quiet: only of runs that ended well, decided nothing and found nothing wrong.

    Returns:
        How many were deleted.
    """
    tags = {PROJECT_TAG: str(project.root)}
    old = dg.RunsFilter(statuses=_OVER, tags=tags, created_before=before)
    if quiet:
        ended_well = [dg.DagsterRunStatus.SUCCESS]
        old = dg.RunsFilter(statuses=ended_well, tags={**tags, QUIET_TAG: "true"}, created_before=before)
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


def build_prune_job(project: Project, names: Names = OURS) -> dg.JobDefinition:
    """The job of one project."""

    @dg.op(
        name=names.name("delete_old_runs"),
        description="Deletes what Dagster keeps of runs of more than DRIPS_KEEP_RUNS_DAYS ago, and of quiet ones.",
    )
    def delete_old_runs(context: dg.OpExecutionContext) -> None:
        try:
            kept = timedelta(days=load_settings(project).keep_runs_days)
        except DripsError as error:
            raise dg.Failure(str(error)) from error
        now = datetime.now(UTC)
        deleted = prune_runs(context.instance, project, now - kept)
        deleted += prune_runs(context.instance, project, now - _QUIET_FOR, quiet=True)
        context.add_output_metadata({"deleted": deleted})

    @dg.job(
        name=names.name("prune"), executor_def=dg.in_process_executor, description="Delete the records of old runs."
    )
    def prune() -> None:
        delete_old_runs()

    return prune


def build_prune_schedule(project: Project, job: dg.JobDefinition, names: Names = OURS) -> dg.ScheduleDefinition:
    """Starts the job every hour, so that there is never much to delete."""

    @dg.schedule(
        name=names.name("old_runs"),
        job=job,
        cron_schedule="17 * * * *",
        default_status=names.schedule_status,
        description="Deletes the records of runs of more than DRIPS_KEEP_RUNS_DAYS ago, and of quiet ones of an hour.",
    )
    def old_runs() -> dg.RunRequest:
        return dg.RunRequest(tags={PROJECT_TAG: str(project.root)})

    return old_runs
