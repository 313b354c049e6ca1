"""`drips activate`: start a sequence, with the plan of it shown first. The work is `plan.status_change`'s."""

from __future__ import annotations

from dagster_drips.cli.app import ProjectOption, app
from dagster_drips.cli.status_change import NoPlanOption, SequenceArgument, YesOption, change_status


@app.command(epilog="Example: `drips activate smb_onboarding`")
def activate(
    sequence: SequenceArgument, yes: YesOption = False, no_plan: NoPlanOption = False, project: ProjectOption = None
) -> None:
    """Start a sequence: show whom it mails in the next 14 days, then write `status: active` into its file."""
    change_status(sequence, "active", yes=yes, no_plan=no_plan, project=project)
