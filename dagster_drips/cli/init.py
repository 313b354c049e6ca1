"""`drips init`: a project to begin with. The files are `scaffold.new_project`'s."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import app


@app.command(epilog="Example: `drips init shop`")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or a new one.", show_default=False)],
) -> None:
    """Make a project: dbt models, five example sequences as drafts, folders to land files in, settings to fill in."""
    from dagster_drips.scaffold.new_project import new_project

    for name in new_project(folder):
        typer.echo(name)
    typer.echo(f"next: cd {folder}, and README.md says how to go on", err=True)
