"""The weekly report: a job that sends it, and a schedule that looks every hour whether it is time.

Every hour, as the day and hour stand in `project.yml`, which nobody should have to reload a code location for; and what
was missed while nothing ran goes out later. That it goes out once is `report.weekly`'s.
"""

import dagster as dg

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.orchestration.names import OURS, PROJECT_TAG, Names
from dagster_drips.project import Project
from dagster_drips.settings import load_settings


def build_report_job(project: Project, names: Names = OURS) -> dg.JobDefinition:
    """The job of one project. Not an asset: it reads what is published, and holds no lock of the pipeline."""

    @dg.op(
        name=names.name("send_report"),
        description="Sends the last week's report to whom `report.to` names and who has not got it.",
    )
    def send_report(context: dg.OpExecutionContext) -> None:
        try:
            from dagster_drips.report.weekly import send_weekly
            from dagster_drips.report.weeks import Week

            done = send_weekly(project, load_settings(project), Week.before(utc_now()))
        except DripsError as error:
            raise dg.Failure(str(error)) from error
        context.add_output_metadata({"week": str(done.week), "sent": len(done.sent), "had": len(done.had)})
        if done.problems:
            raise dg.Failure("; ".join(done.problems))

    @dg.job(name=names.name("report"), executor_def=dg.in_process_executor, description="Send the weekly report.")
    def report() -> None:
        send_report()

    return report


def build_report_schedule(project: Project, job: dg.JobDefinition, names: Names = OURS) -> dg.ScheduleDefinition:
    """Starts the job when `report.day` and `report.hour` have come."""

    @dg.schedule(
        name=names.name("weekly_report"),
        job=job,
        cron_schedule="0 * * * *",
        default_status=names.schedule_status,
        description="Sends the weekly report once its day and hour have come, by `report` in sequences/project.yml.",
    )
    def weekly_report() -> dg.RunRequest | dg.SkipReason:
        from dagster_drips.report.due import due_week

        week = due_week(project, load_settings(project).only_to, utc_now())
        if week is None:
            return dg.SkipReason("no report is due")
        return dg.RunRequest(tags={"drips/week": str(week), PROJECT_TAG: str(project.root)})

    return weekly_report
