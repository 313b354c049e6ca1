"""`drips alert`: look, and tell the targets of `project.yml`. The work is `alerts.looking`'s."""

from __future__ import annotations

from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.errors import DripsError


@app.command(epilog="Example, from cron: `drips alert --project /srv/drips`")
def alert(
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="TARGET", help="Send this target a message to try it.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Tell the targets of alerts what is wrong and they don't know yet; also that ticks have stopped."""
    from dagster_drips.alerts.looking import look, tell_of_test
    from dagster_drips.sequences.catalog import read_project_settings

    place = chosen_project(project)
    if test is not None:
        if problem := tell_of_test(place, test):
            raise DripsError(f"target {test} was not reached: {problem}")
        typer.echo(f"told {test}")
        return
    if read_project_settings(place).alerts is None:
        raise DripsError(
            "has no alerts: write targets under alerts: (docs/monitoring.md)", file=place.sequences / "project.yml"
        )
    found = look(place)
    if as_json:
        rows = [
            {"kind": one.kind, "level": one.level, "since": one.since, "text": one.text, "told": one.told}
            for one in found.incidents
        ]
        print_json({"incidents": rows, "messages": found.messages, "problems": found.problems})
    else:
        for one in found.incidents:
            typer.echo(f"{one.level}  since {one.since}: {one.text}")
        typer.echo(f"{len(found.incidents) or 'no'} things want a look; {found.messages} messages sent")
        for problem in found.problems:
            typer.echo(problem, err=True)
    if found.problems:
        raise typer.Exit(1)
