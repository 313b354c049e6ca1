"""What `drips run` says beside its report, of one tick as of many: that it waits, and whom nobody could tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dagster_drips.alerts.looking import RunEnd
    from dagster_drips.project import Project


def say_waiting() -> None:
    """Another run of the project goes on."""
    typer.echo("waiting for another run of this project to end", err=True)


def tell(project: Project, ended: RunEnd | None) -> None:
    """Tell whom `alerts` names how a run ended, and say whom it could not be told."""
    from dagster_drips.alerts.looking import look_after

    for problem in look_after(project, ended):
        typer.echo(problem, err=True)
