"""Schedules: what runs by the clock."""

import os

import dagster as dg

from dagster_drips.orchestration.jobs import decide_job
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

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
