"""`drips compact`: small landed files of closed days, packed."""

from __future__ import annotations

from dataclasses import asdict

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json


@app.command(epilog="Example: `drips compact`, once a day from cron; Dagster has a schedule for it")
def compact(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """Pack small landed files of closed days, which changes no table; DRIPS_COMPACT says whose files."""
    from dagster_drips.pipeline.compaction import compact as pack
    from dagster_drips.settings import load_settings

    place = chosen_project(project)
    which = load_settings(place).compact
    report = pack(place, which)
    if as_json:
        print_json(asdict(report))
    elif which == "off":
        typer.echo("DRIPS_COMPACT is off: nothing is packed")
    else:
        typer.echo(
            f"{report.files} files packed into {report.packs} packs"
            if report.files
            else "nothing to pack: no small files of closed days"
        )
