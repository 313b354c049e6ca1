"""`drips adopt`: the project has moved, and may send from here."""

from __future__ import annotations

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project


@app.command(epilog="Example: `drips adopt --project /srv/drips`")
def adopt(project: ProjectOption = None) -> None:
    """Say that the project has moved here: until then a copied or restored folder sends nothing.

    Make sure that the other folder sends no more: both would mail the same people. Where the journal seems older
    than mail that went out, as after a restore from a backup, it warns. With a bucket (DRIPS_OBJECT_STORE_URL) it
    brings journal and landed files from there.
    """
    from dagster_drips.pipeline.in_bucket import adopt_with_bucket
    from dagster_drips.pipeline.lost_mail import signs_of_lost_mail

    place = chosen_project(project)
    for sign in signs_of_lost_mail(place):
        typer.echo(f"warning: mail may have gone out after this journal, and would go out again: {sign}", err=True)
    adopted = adopt_with_bucket(place)
    if adopted.is_new:
        typer.echo(f"{place.root} is the place of its journal from now on; what is due goes out from here")
    else:
        typer.echo(f"{place.root} is the place of its journal already")
    if adopted.restored or adopted.landed:
        typer.echo(f"its journal and {adopted.landed} landed files came from the bucket; now `drips rebuild`")
