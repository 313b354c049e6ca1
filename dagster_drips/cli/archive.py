"""`drips archive`: end a sequence for good, with the plan of it shown first. The work is `plan.status_change`'s."""

from __future__ import annotations

from dagster_drips.cli.app import ProjectOption, app
from dagster_drips.cli.status_change import NoPlanOption, SequenceArgument, YesOption, change_status


@app.command(epilog="Example: `drips archive smb_onboarding`")
def archive(
    sequence: SequenceArgument, yes: YesOption = False, no_plan: NoPlanOption = False, project: ProjectOption = None
) -> None:
    """End a sequence for good: whoever is in it leaves it (S1)."""
    change_status(sequence, "archived", yes=yes, no_plan=no_plan, project=project)
