"""`drips pause`: let a sequence rest, with the plan of it shown first. The work is `plan.status_change`'s."""

from __future__ import annotations

from dagster_drips.cli.app import ProjectOption, app
from dagster_drips.cli.status_change import NoPlanOption, SequenceArgument, YesOption, change_status


@app.command(epilog="Example: `drips pause smb_onboarding`")
def pause(
    sequence: SequenceArgument, yes: YesOption = False, no_plan: NoPlanOption = False, project: ProjectOption = None
) -> None:
    """Let a sequence rest: nobody enters and nothing is sent, until it is activated again (S1)."""
    change_status(sequence, "paused", yes=yes, no_plan=no_plan, project=project)
