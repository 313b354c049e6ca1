"""`drips rebuild`: the warehouse made again from landed files and journal."""

from __future__ import annotations

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json


@app.command(epilog="Example: `rm data/warehouse.duckdb && drips rebuild`")
def rebuild(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """Make the warehouse again from landed files and journal, without running old ticks."""
    from dataclasses import asdict

    from dagster_drips.pipeline.rebuild import rebuild as make_again

    report = make_again(chosen_project(project), progress=lambda what: typer.echo(f"rebuild: {what}", err=True))
    if as_json:
        print_json(asdict(report))
    else:
        typer.echo(
            f"rebuilt from {report.commits} commits of ticks, {report.files} landed files"
            f" and {report.deliveries} facts of deliveries"
        )
    if report.lost:
        typer.echo(
            f"warning: the delivery journal has lost what became of {report.lost} messages that were handed over;"
            " they are in doubt and go to nobody until `drips resolve` says more",
            err=True,
        )
