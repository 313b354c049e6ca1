"""`drips explain`: why a person got each mail, or did not, and what happens next."""

from __future__ import annotations

from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import parse_instant


@app.command(epilog="Example: `drips explain ada@acme.example --sequence onboarding`")
def explain(
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="The lead_id, or an address.", show_default=False)],
    sequence: Annotated[str | None, typer.Option(metavar="SEQUENCE", help="This sequence alone.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="T", help="As of the last tick up to this instant, ISO 8601; now otherwise.")
    ] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Tell why a person got each mail of each sequence, or did not, and what happens next if nothing changes."""
    from dagster_drips.explain import telling
    from dagster_drips.explain.asking import ask

    answer = ask(chosen_project(project), lead, sequence=sequence, at=parse_instant(at) if at else None)
    if as_json:
        print_json(telling.as_json(answer))
        return
    for line in telling.as_text(answer):
        typer.echo(line)
