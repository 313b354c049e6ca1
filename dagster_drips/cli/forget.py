"""`drips forget`: a person erased from everything that is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json


@app.command(epilog="Example: `drips forget L-1017 --yes`")
def forget(
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="The lead_id, as it was landed.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Erase a person from every table, landing file and journal; a keyed hash stays, so that nobody mails them.

    It ends by looking for the person in every file of the project, and exits 1 where something is left: each file is
    named.
    """
    from dagster_drips.privacy.forget import forget as erase
    from dagster_drips.privacy.forget import surveyed

    place = chosen_project(project)
    if not yes:
        found = surveyed(place, lead)
        rows = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.counts().items() if count)
        typer.echo(f"lead {lead}, {' '.join(sorted(found.person.addresses)) or 'without an address'}: {rows}", err=True)
        typer.confirm("Erase all of it for good?", abort=True, err=True)
    report = erase(place, lead, progress=lambda what: typer.echo(f"forget: {what}", err=True))
    for other in report.sharing:
        typer.echo(f"warning: lead {other} has the same address, and is not mailed any more either", err=True)
    for name in report.remaining:
        typer.echo(f"still names the person: {name}", err=True)
    for name in report.unread:
        typer.echo(f"could not be looked into: {name}", err=True)
    for name in report.not_searched:
        typer.echo(f"not searched: {name}/", err=True)
    if as_json:
        print_json(asdict(report))
        raise typer.Exit(0 if report.is_complete else 1)
    rows = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items() if count)
    typer.echo(f"forgotten: {rows or 'nothing more was left'}; {report.files} files rewritten or deleted")
    if not report.is_complete:
        typer.echo("what is named above is for you to look at: it is not the person's own rows", err=True)
        raise typer.Exit(1)
