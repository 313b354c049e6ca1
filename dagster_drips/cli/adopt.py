"""`drips adopt`: the project has moved, and may send from here."""

from __future__ import annotations

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project
from dagster_drips.clock import utc_now


@app.command(epilog="Example: `drips adopt --project /srv/drips`")
def adopt(project: ProjectOption = None) -> None:
    """Say that the project has moved here: until then a copied or restored folder sends nothing.

    Make sure that the other folder sends no more: both would mail the same people.
    """
    from dagster_drips.delivery.place import adopt as take_place

    place = chosen_project(project)
    if take_place(place, now=utc_now()):
        typer.echo(f"{place.root} is the place of its journal from now on; what is due goes out from here")
    else:
        typer.echo(f"{place.root} is the place of its journal already")
