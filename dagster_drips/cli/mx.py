"""`drips mx`: which hosts take the mail of recipients' domains, asked of the DNS."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.extras import needs


@app.command(epilog="Example: `drips mx`, once a week from cron; the next tick's marts have it")
def mx(
    resolver: Annotated[
        str | None,
        typer.Option("--resolver", metavar="HOST:PORT", help="The DNS resolver to ask; else this machine's."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask for those that were asked in the last 30 days, too.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Ask for the MX records of recipients' domains, so that marts.deliverability knows who runs their mailboxes."""
    place = chosen_project(project)
    with needs("doctor"):
        from dagster_drips.doctor.mail_exchangers import ask_exchangers
        from dagster_drips.doctor.resolver import Resolver
    from dagster_drips.clock import utc_now

    asked = ask_exchangers(place, lambda: Resolver(resolver), utc_now().replace(microsecond=0), again=again)
    if as_json:
        print_json(asdict(asked))
    else:
        typer.echo(f"{asked.domains} domains that no seed names; {asked.asked} asked, {asked.answered} answered")
    if asked.silence:
        typer.echo(f"no answer for {asked.asked - asked.answered}: {asked.silence}", err=True)
        raise typer.Exit(1)
