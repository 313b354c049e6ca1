"""`drips report`: a week's report as a file, to whom it goes, or to somebody who tries it. The work is `report`'s."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import ProjectOption, app, check_writable, chosen_project
from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write


@app.command(epilog="Example: `drips report --out report.html`; from cron: `drips report --send`")
def report(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it as one HTML file.", show_default=False)
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send it to whom report.to names and who has not got it.")
    ] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", help="Send it there, to try it.", show_default=False)
    ] = None,
    week: Annotated[
        str | None,
        typer.Option("--week", metavar="WEEK", help="Such as 2026-W48; else the last one.", show_default=False),
    ] = None,
    project: ProjectOption = None,
) -> None:
    """The week in one page: mail, people's opens and clicks, sales, deliverability, and what wants a look."""
    place = chosen_project(project)
    if out is None and not send and to is None:
        raise typer.BadParameter("say what to do with it: --out FILE, --to ADDRESS or --send")
    from dagster_drips.report.weekly import page, send_once, send_weekly
    from dagster_drips.report.weeks import Week
    from dagster_drips.settings import load_settings

    check_writable(out)
    chosen = Week.parse(week) if week else Week.before(utc_now())
    if out is not None:
        try:
            atomic_write(out, page(place, chosen).encode())
        except OSError as error:
            raise DripsError(f"can't write: {error.strerror}", file=out) from error
        typer.echo(f"week {chosen}: {out}")
    problems = []
    for done in (
        *([send_once(place, load_settings(place), chosen, to)] if to is not None else []),
        *([send_weekly(place, load_settings(place), chosen)] if send else []),
    ):
        for address in done.sent:
            typer.echo(f"week {chosen}: sent to {address}")
        for address in done.had:
            typer.echo(f"week {chosen}: {address} has it already")
        for address in done.held:
            typer.echo(f"week {chosen}: not sent to {address}: DRIPS_ONLY_TO lets no mail go there")
        problems += done.problems
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
