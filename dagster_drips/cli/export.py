"""`drips export`: everything that is known of a person."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project
from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError


@app.command(epilog="Example: `drips export L-1017 --out L-1017.json`")
def export(
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="The lead_id, as it was landed.", show_default=False)],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there; stdout otherwise.")] = None,
    project: ProjectOption = None,
) -> None:
    """Print everything that is known of a person as one JSON document, by table and file."""
    from dagster_drips.privacy.export import export as everything

    document = everything(chosen_project(project), lead)
    text = json.dumps(document, indent=2, ensure_ascii=False, default=_plain)
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=out) from error
    rows = sum(map(len, document["tables"].values()))
    typer.echo(f"{rows} rows of {len(document['tables'])} tables and {len(document['files'])} files, written to {out}")


def _plain(value: object) -> str:

    return format_instant(value) if isinstance(value, datetime) else str(value)
