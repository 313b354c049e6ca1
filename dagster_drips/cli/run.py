"""`drips run`: one tick, or one after another, in this process and without Dagster."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.cli.run_ends import say_waiting, tell
from dagster_drips.clock import parse_instant, utc_now
from dagster_drips.errors import DripsError

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
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on: a tick by DRIPS_SCHEDULE, and whenever files land.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Run one tick: load, decide, send, measure, publish."""

    place = chosen_project(project)
    instant = parse_instant(as_of) if as_of else None
    _check_instant(as_of, instant, future=future, watch=watch)
    # What sending and being told of it are called where runs have names, in Dagster.
    job = "tick_without_sending" if no_send else "tick"
    if watch:
        from dagster_drips.cli.run_watch import watch_project

        watch_project(place, job, send=not no_send, as_json=as_json)
        return
    from dagster_drips.alerts.looking import RunEnd
    from dagster_drips.pipeline.tick import Pipeline
    from dagster_drips.runs.one_tick import run_tick

    try:
        report = run_tick(Pipeline.of(place), as_of=instant, send=not no_send, on_wait=say_waiting)
    except Exception as error:
        # Whoever gives an instant is there, and sees it.
        tell(place, None if as_of else RunEnd(job, str(error)))
        raise
    tell(place, RunEnd(job))
    if as_json:
        print_json(report.as_dict())
    else:
        for line in report.lines():
            typer.echo(line)


def _check_instant(as_of: str | None, instant: datetime | None, *, future: bool, watch: bool) -> None:
    """A mistake is told before anything starts."""
    if instant is None:
        return
    if watch:
        raise typer.BadParameter("--watch goes by the clock; it takes no instant", param_hint="--as-of")
    if not future and instant - utc_now() > _A_YEAR:
        raise DripsError(
            f"--as-of {as_of} lies more than a year ahead, and until then no tick of the clock could follow;"
            " `drips replay` looks ahead without that, and --future insists"
        )
    if instant > utc_now():
        typer.echo(
            "warning: this instant lies ahead; until then no tick of the clock follows it"
            " (`drips rebuild --until` goes back)",
            err=True,
        )
