"""`drips doctor`: settings, project, mail servers and senders looked at, without sending a mail.

Only printing belongs here; the questions are in `dagster_drips.doctor`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.extras import needs

if TYPE_CHECKING:
    from dagster_drips.doctor import Check

_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


@app.command(epilog="Example: `drips doctor --resolver 9.9.9.9:53`")
def doctor(
    resolver: Annotated[
        str | None,
        typer.Option("--resolver", metavar="HOST:PORT", help="The DNS resolver to ask; else this machine's."),
    ] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Check settings, project, mail servers, and the DNS records of every sender, without sending a mail."""

    place = chosen_project(project)
    with needs("doctor"):
        from dagster_drips.doctor import Resolver, examine
    from dagster_drips.doctor.report import many

    checks: list[Check] = []
    for check in examine(place, Resolver(resolver)):
        checks.append(check)
        if not as_json:
            line = str(check)
            typer.echo(typer.style(line[: len(check.state)], fg=_COLOURS[check.state]) + line[len(check.state) :])
    problems, warnings = (sum(check.state == state for check in checks) for state in ("problem", "warning"))
    if as_json:
        print_json({"problems": problems, "warnings": warnings, "checks": [asdict(check) for check in checks]})
    else:
        typer.echo(f"{many(problems, 'problem')}, {many(warnings, 'warning')}")
    if problems:
        raise typer.Exit(1)
