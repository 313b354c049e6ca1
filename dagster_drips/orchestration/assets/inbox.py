"""The job that reads the mailbox. Not an asset: it lands files as anybody may, and holds no lock of the pipeline."""

import dagster as dg

from dagster_drips.errors import DripsError
from dagster_drips.extras import needs
from dagster_drips.orchestration.names import OURS, Names
from dagster_drips.project import Project
from dagster_drips.settings import load_settings


def build_inbox_job(project: Project, names: Names = OURS) -> dg.JobDefinition:
    """The job of one project."""

    @dg.op(
        name=names.name("read_mailbox"),
        description="Lands bounces, complaints, unsubscribes and answers of the mailbox of DRIPS_IMAP_URL.",
    )
    def read_mailbox(context: dg.OpExecutionContext) -> None:
        try:
            # Imported late: it is an extra, and of the runs that load the code location few read mail.
            with needs("inbox"):
                from dagster_drips.inbox.inbox import COUNTED, read_inbox, required_server

            report = read_inbox(project, required_server(load_settings(project)))
        except DripsError as error:
            raise dg.Failure(str(error)) from error
        counts = {name: report.counts[name] for name in COUNTED if report.counts[name]}
        context.add_output_metadata({"read": report.read, "landed": report.landed, **counts})
        context.log.info(f"{report.read} mails read, {report.landed} facts landed: {counts}")

    @dg.job(name=names.name("inbox"), executor_def=dg.in_process_executor, description="Read the mailbox.")
    def inbox() -> None:
        read_mailbox()

    return inbox
