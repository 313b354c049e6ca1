"""Compaction of landed files: a job, and a schedule that starts it each night. What is packed is `landing`'s matter."""

import dagster as dg

from dagster_drips.errors import DripsError
from dagster_drips.orchestration.names import OURS, PROJECT_TAG, Names
from dagster_drips.pipeline.compaction import compact
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

_WAIT_SECONDS = 3600.0


def build_compact_job(project: Project, names: Names = OURS) -> dg.JobDefinition:
    """The job of one project. Not an asset: it changes no table. It waits for runs that are going on."""

    @dg.op(
        name=names.name("pack_landed_files"), description="Packs small landed files of closed days, by DRIPS_COMPACT."
    )
    def pack_landed_files(context: dg.OpExecutionContext) -> None:
        try:
            report = compact(project, load_settings(project).compact, wait_seconds=_WAIT_SECONDS)
        except DripsError as error:
            raise dg.Failure(str(error)) from error
        context.add_output_metadata({"files": report.files, "packs": report.packs})

    @dg.job(
        name=names.name("compact"), executor_def=dg.in_process_executor, description="Pack landed files of closed days."
    )
    def compact_job() -> None:
        pack_landed_files()

    return compact_job


def build_compact_schedule(project: Project, job: dg.JobDefinition, names: Names = OURS) -> dg.ScheduleDefinition:
    """Starts the job every night (UTC), when the day before is closed."""

    @dg.schedule(
        name=names.name("compact"),
        job=job,
        cron_schedule="17 3 * * *",
        default_status=names.schedule_status,
        description="Packs small landed files of closed days, each night.",
    )
    def compact_schedule() -> dg.RunRequest:
        return dg.RunRequest(tags={PROJECT_TAG: str(project.root)})

    return compact_schedule
