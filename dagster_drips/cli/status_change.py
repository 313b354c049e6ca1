"""What `drips activate`, `pause` and `archive` share: the plan shown first, the question, and the edit of the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import chosen_project
from dagster_drips.clock import format_instant

SequenceArgument = Annotated[
    str, typer.Argument(metavar="SEQUENCE", help="Its id: the name of its folder.", show_default=False)
]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
NoPlanOption = Annotated[bool, typer.Option("--no-plan", help="Don't work out first what it changes.")]


def change_status(sequence: str, status: str, *, yes: bool, no_plan: bool, project: Path | None) -> None:
    """Write a status into a sequence's file, once its plan was shown and somebody said yes.

    Raises:
        Exit: 1, the file is as it was: it has mistakes, or the plan says no.
        DripsError: there is no such sequence, or the plan can't be made.
    """
    from dagster_drips.cli.progress import progress_of
    from dagster_drips.plan.plan import DAYS, EVERY, plan
    from dagster_drips.plan.report import as_text
    from dagster_drips.plan.status_change import status_change

    place = chosen_project(project)
    with status_change(place, sequence, status) as change:
        if change.before == status and not change.errors:
            typer.echo(f"{sequence} is {status} already")
            return
        for problem in change.problems:
            typer.echo(f"{problem.severity}: {problem}", err=True)
        if change.errors:
            typer.echo(f"{sequence} stays {change.before}", err=True)
            raise typer.Exit(1)
        if not no_plan and not place.warehouse.exists():
            typer.echo(
                "no tick has run yet, so there is nobody to plan for: `drips run --no-send` loads who has landed"
            )
        elif not no_plan:
            with progress_of("plan", timedelta(days=DAYS) // EVERY + 1) as advance:
                found = plan(place, files=change.files, on_tick=lambda as_of: advance(format_instant(as_of)))
            for line in as_text(found):
                typer.echo(line)
            if found.exceeded or found.is_wrong:
                typer.echo(f"{sequence} stays {change.before}: the plan says no (docs/plan.md)", err=True)
                raise typer.Exit(1)
        if not yes:
            typer.confirm(f"Write `status: {status}` into {change.file.relative_to(place.root)}?", abort=True, err=True)
        change.write()
    typer.echo(f"{sequence} is {status} from the next tick on; it was {change.before}")
