"""`drips rebuild`: the warehouse made again from landed files and journal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import parse_instant


@app.command(epilog="Example: `rm data/warehouse.duckdb && drips rebuild`")
def rebuild(
    until: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Go back to the last tick up to T, ISO 8601: what later ones decided is set aside and decided anew,"
            " but for the mail that they sent.",
        ),
    ] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Make the warehouse again from landed files and journal, without running old ticks."""

    from dagster_drips.pipeline.rebuild import rebuild as make_again

    report = make_again(
        chosen_project(project),
        progress=lambda what: typer.echo(f"rebuild: {what}", err=True),
        until=parse_instant(until) if until else None,
    )
    if as_json:
        print_json(asdict(report))
    else:
        typer.echo(
            f"rebuilt from {report.commits} commits of ticks, {report.files} landed files"
            f" and {report.deliveries} facts of deliveries"
            + (f"; {report.set_aside} commits of later ticks are set aside" if until else "")
            + (f", and the {report.sent_later} messages that they sent or tried stay" if report.sent_later else "")
        )
    if report.lost:
        typer.echo(
            f"warning: the delivery journal has lost what became of {report.lost} messages that were handed over;"
            " they are in doubt and go to nobody until `drips resolve` says more",
            err=True,
        )
