"""Schedules: what runs by the clock. When that is stands in the settings (DRIPS_SCHEDULE, DRIPS_INBOX_SCHEDULE)."""

import dagster as dg

from dagster_drips.orchestration.jobs import decide_job
from dagster_drips.project import Project
from dagster_drips.settings import load_schedules, load_settings


def build_schedules(project: Project, inbox_job: dg.JobDefinition) -> list[dg.ScheduleDefinition]:
    """Ticks, and the mailbox where there is one; what the mailbox lands is the landing sensor's matter.

    Args:
        project: whose settings; those of the schedules are read now, whatever is wrong with the others.
        inbox_job: reads the mailbox.

    Raises:
        DripsError: a setting is no cron expression.
    """
    settings = load_schedules(project)
    ticks = dg.ScheduleDefinition(
        name="every_few_minutes",
        job=decide_job,
        cron_schedule=settings.schedule.text,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Ticks, every 5 minutes unless DRIPS_SCHEDULE is another cron expression.",
    )

    @dg.schedule(
        name="inbox",
        job=inbox_job,
        cron_schedule=settings.inbox_schedule.text,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads the mailbox, every 5 minutes unless DRIPS_INBOX_SCHEDULE is another cron expression.",
    )
    def inbox_schedule() -> dg.RunRequest | dg.SkipReason:
        if load_settings(project).imap_url is None:
            return dg.SkipReason("DRIPS_IMAP_URL is not set")
        return dg.RunRequest()

    return [ticks, inbox_schedule]
