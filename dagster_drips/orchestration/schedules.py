"""Schedules: what runs by the clock. When that is stands in the settings (DRIPS_SCHEDULE, DRIPS_INBOX_SCHEDULE)."""

import dagster as dg

from dagster_drips.locks import is_held
from dagster_drips.orchestration.names import OURS, PROJECT_TAG, Names
from dagster_drips.orchestration.run_records import ticks_now
from dagster_drips.project import Project
from dagster_drips.settings import load_schedules, load_settings
from dagster_drips.temporaries import RUN_LOCK


def build_schedules(project: Project, inbox_job: dg.JobDefinition, names: Names = OURS) -> list[dg.ScheduleDefinition]:
    """Ticks, and the mailbox where there is one; what the mailbox lands is the landing sensor's matter.

    Args:
        project: whose settings; those of the schedules are read now, whatever is wrong with the others.
        inbox_job: reads the mailbox.
        names: of the schedules, and of the job of ticks.

    Raises:
        DripsError: a setting is no cron expression.
    """
    settings = load_schedules(project)
    tags = {PROJECT_TAG: str(project.root)}

    @dg.schedule(
        name=names.name("every_few_minutes"),
        job_name=names.name("tick"),
        cron_schedule=settings.schedule.text,
        default_status=names.schedule_status,
        description="Ticks, every 5 minutes unless DRIPS_SCHEDULE is another cron expression.",
    )
    def ticks(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = ticks_now(context.instance, names)
        if now.waiting is not None:
            return dg.SkipReason(f"a tick is about to begin: run {now.waiting}")
        # One that has begun decides by an earlier instant: what comes due now is not its.
        if now.started > 1 and is_held(project.data / RUN_LOCK):
            return dg.SkipReason("a tick goes on, and another one waits for its end")
        return dg.RunRequest(tags=tags)

    @dg.schedule(
        name=names.name("inbox"),
        job=inbox_job,
        cron_schedule=settings.inbox_schedule.text,
        default_status=names.schedule_status,
        description="Reads the mailbox, every 5 minutes unless DRIPS_INBOX_SCHEDULE is another cron expression.",
    )
    def inbox_schedule() -> dg.RunRequest | dg.SkipReason:
        if load_settings(project).imap_url is None:
            return dg.SkipReason("DRIPS_IMAP_URL is not set")
        return dg.RunRequest(tags=tags)

    return [ticks, inbox_schedule]
