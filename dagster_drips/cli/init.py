"""`drips init`: a project to begin with. The files are `scaffold.new_project`'s and `scaffold.upgraded_project`'s."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import app


@app.command(epilog="Example: `drips init shop`")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or a new one.", show_default=False)],
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="DIR is a project of version 0.1: let it have the models as a package.")
    ] = False,
) -> None:
    """Make a project: dbt project, five example sequences as drafts, folders to land files in, settings to fill in."""
    if upgrade:
        _upgrade(folder)
        return
    from dagster_drips.scaffold.new_project import new_project

    for name in new_project(folder):
        typer.echo(name)
    typer.echo(f"next: cd {folder}, and README.md says how to go on", err=True)


def _upgrade(folder: Path) -> None:
    from dagster_drips.scaffold.upgraded_project import ASIDE, upgrade_project

    for name in upgrade_project(folder):
        typer.echo(name)
    typer.echo(
        f"{ASIDE}/ has the dbt project as it was; take over what you wrote of the files above, and your settings in its"
        " dbt_project.yml (docs/dbt.md), then run `drips validate`",
        err=True,
    )
