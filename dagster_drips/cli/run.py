"""`drips run`: one tick, the same assets that Dagster runs, in this process."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import parse_instant, utc_now
from dagster_drips.errors import DripsError

if TYPE_CHECKING:
    from dagster_drips.alerts.looking import RunEnd
    from dagster_drips.project import Project

_A_YEAR = timedelta(days=366)


@app.command(epilog="Example: `drips run --as-of 2026-03-29T01:00:00Z --no-send`")
def run(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="T", help="The tick's instant, ISO 8601; the wall clock otherwise.")
    ] = None,
    future: Annotated[
        bool,
        typer.Option("--future", help="Allow a T of more than a year ahead."),
    ] = False,
    no_send: Annotated[bool, typer.Option("--no-send", help="Decide and leave what is due due.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Run one tick: load, decide, send, measure, publish."""

    place = chosen_project(project)
    # A mistake is told before anything starts.
    if as_of and not future and parse_instant(as_of) - utc_now() > _A_YEAR:
        raise DripsError(
            f"--as-of {as_of} lies more than a year ahead, and until then no tick of the clock could follow;"
            " `drips replay` looks ahead without that, and --future insists"
        )
    if as_of and parse_instant(as_of) > utc_now():
        typer.echo(
            "warning: this instant lies ahead; until then no tick of the clock follows it"
            " (`drips rebuild --until` goes back)",
            err=True,
        )
    from dagster_drips.alerts.looking import RunEnd
    from dagster_drips.cli.dagster_run import run_tick

    job = "tick_without_sending" if no_send else "tick"
    try:
        report = run_tick(place, as_of=as_of, send=not no_send)
    except Exception as error:
        # Whoever gives an instant is there, and sees it.
        _tell(place, None if as_of else RunEnd(job, str(error)))
        raise
    _tell(place, RunEnd(job, "see what it printed" if report.failed else None))
    if as_json:
        print_json(report.as_dict())
    else:
        for line in report.lines():
            typer.echo(line)
    if report.failed:
        raise typer.Exit(1)


def _tell(project: Project, ended: RunEnd | None) -> None:
    from dagster_drips.alerts.looking import look_after

    for problem in look_after(project, ended):
        typer.echo(problem, err=True)
