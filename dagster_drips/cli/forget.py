"""`drips forget`: a person erased from everything that is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json

if TYPE_CHECKING:
    from dagster_drips.privacy.forget import ForgetReport
    from dagster_drips.project import Project


@app.command(epilog="Example: `drips forget L-1017 --yes`")
def forget(
    lead: Annotated[
        str | None, typer.Argument(metavar="LEAD", help="The lead_id, as it was landed.", show_default=False)
    ] = None,
    absent: Annotated[
        bool, typer.Option("--absent", help="Whoever is in the intake model of leads no more (absent: forget).")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Erase a person from every table, landing file and journal; a keyed hash stays, so that nobody mails them.

    It ends by looking for the person in every file of the project, and exits 1 where something is left: each file is
    named.
    """
    if (lead is None) != absent:
        raise typer.BadParameter("give a LEAD, or --absent")
    place = chosen_project(project)
    reports = [_erased(place, lead, yes=yes)] if lead is not None else _absent_erased(place, yes=yes)
    if as_json:
        print_json(asdict(reports[0]) if lead is not None else {"forgotten": [asdict(report) for report in reports]})
    for report in () if as_json else reports:
        rows = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items() if count)
        typer.echo(f"forgotten: {rows or 'nothing more was left'}; {report.files} files rewritten or deleted")
    if not all(report.is_complete for report in reports):
        if not as_json:
            typer.echo("what is named above is for you to look at: it is not the person's own rows", err=True)
        raise typer.Exit(1)


def _erased(project: Project, lead: str, *, yes: bool) -> ForgetReport:
    from dagster_drips.privacy.forget import forget as erase
    from dagster_drips.privacy.forget import surveyed

    if not yes:
        found = surveyed(project, lead)
        rows = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.counts().items() if count)
        typer.echo(f"lead {lead}, {' '.join(sorted(found.person.addresses)) or 'without an address'}: {rows}", err=True)
        typer.confirm("Erase all of it for good?", abort=True, err=True)
    report = erase(project, lead, progress=lambda what: typer.echo(f"forget: {what}", err=True))
    for other in report.sharing:
        typer.echo(f"warning: lead {other} has the same address, and is not mailed any more either", err=True)
    for name in report.remaining:
        typer.echo(f"still names the person: {name}", err=True)
    for name in report.unread:
        typer.echo(f"could not be looked into: {name}", err=True)
    for name in report.not_searched:
        typer.echo(f"not searched: {name}/", err=True)
    for name in report.out_of_reach:
        typer.echo(f"out of reach: {name}", err=True)
    return report


def _absent_erased(project: Project, *, yes: bool) -> list[ForgetReport]:
    """One after the other: each is an erasure by itself, and what is done stays done."""
    from dagster_drips.privacy.absent import absent_leads

    leads = absent_leads(project)
    typer.echo(
        f"{len(leads)} absent {'lead' if len(leads) == 1 else 'leads'}: {' '.join(leads) or 'nobody waits'}", err=True
    )
    if leads and not yes:
        typer.confirm("Erase all of it for good?", abort=True, err=True)
    return [_erased(project, lead, yes=True) for lead in leads]
