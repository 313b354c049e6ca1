"""`drips new`: a sequence, a segment or a content model to begin with. The files are `scaffold`'s."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project


@app.command(epilog="Example: `drips new sequence trial_ending`")
def new(
    what: Annotated[
        Literal["sequence", "segment", "content"],
        typer.Argument(metavar="sequence|segment|content", help="What to begin.", show_default=False),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its id.", show_default=False)],
    project: ProjectOption = None,
) -> None:
    """Write a commented draft that is valid as it stands: a sequence with tests, a segment or a content model."""
    from dagster_drips.scaffold.new_files import new_content, new_segment, new_sequence

    place = chosen_project(project)
    files = {"sequence": new_sequence, "segment": new_segment, "content": new_content}[what](place, name)
    for file in files:
        typer.echo(file.relative_to(place.root).as_posix())
    if what == "sequence":
        then = ", ".join(f"`drips {command} {name}`" for command in ("preview", "test", "activate"))
        typer.echo(f"a draft: write it, then `drips validate`, {then}", err=True)
    elif what == "content":
        then = f"{{% for row in content.{name} %}}"
        typer.echo(f"use it in a template: {then}; `drips validate --warehouse` tries it", err=True)
    else:
        typer.echo("name it in a sequence's `segments:`; `drips validate --warehouse` tries it", err=True)
