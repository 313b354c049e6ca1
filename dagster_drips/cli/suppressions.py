"""`drips suppressions`: the list of whom not to mail, taken in from elsewhere and given out.

Import lands a file like any other; who is suppressed is decided in dbt at the next tick.
"""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project
from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.vocabulary import SuppressionReason


class Action(StrEnum):
    """What to do with the list."""

    IMPORT = "import"
    EXPORT = "export"


@app.command(epilog="Example: `drips suppressions import old-tool.csv --reason unsubscribed`")
def suppressions(
    action: Annotated[Action, typer.Argument(help="Take a list in, or give out who is suppressed now.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="To import: CSV (comma, semicolon or tab) with a column email, or one address a line.",
            show_default=False,
        ),
    ] = None,
    reason: Annotated[
        SuppressionReason, typer.Option(help="Import: of rows that give none.")
    ] = SuppressionReason.MANUAL,
    topic: Annotated[str | None, typer.Option(help="Import: of rows that give none; for (re)subscribing only.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Export: write it there, not to stdout.")] = None,
    project: ProjectOption = None,
) -> None:
    """Import a list of whom not to mail, or export who is suppressed as of the last tick, as CSV."""
    place = chosen_project(project)
    if action is Action.EXPORT:
        if file is not None:
            raise typer.BadParameter("export takes --out FILE")
        _export(place, out)
        return
    if file is None:
        raise DripsError("say which file to import: drips suppressions import FILE")
    from dagster_drips.inbox.suppression_lists import DATED, import_list

    if topic and reason not in DATED:
        raise DripsError(f"a topic goes with unsubscribed and resubscribed only, not with {reason}")
    imported = import_list(place, file, reason=reason, topic=topic)
    for warning in imported.warnings:
        typer.echo(f"warning: {warning}", err=True)
    rows = "1 row" if imported.rows == 1 else f"{imported.rows} rows"
    typer.echo(f"{rows} landed in data/landing/{imported.path}; they count from the next tick on, and from sending on")


def _export(project: Project, out: Path | None) -> None:
    from dagster_drips.warehouse import open_warehouse, warehouse_of
    from dagster_drips.warehouse.statements import named_statements

    place = warehouse_of(project)
    if isinstance(place, Path) and not place.exists():
        raise DripsError("there is no warehouse yet; make it with `drips run`", file=place)
    with open_warehouse(place, read_only=True) as warehouse:
        if not warehouse.columns("decide.current_suppressions"):
            raise DripsError("this warehouse has seen no tick yet; start with `drips run`")
        rows = warehouse.rows(named_statements(Path(__file__).with_name("suppressions.sql"))["suppressed"])
    for row in rows:
        row["occurred_at"] = format_instant(row["occurred_at"]) if row["occurred_at"] else ""
    if out is None:
        _write(rows, sys.stdout)
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            _write(rows, stream)
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=out) from error
    typer.echo(f"{len(rows)} rows, written to {out}")


def _write(rows: list[dict[str, Any]], stream: TextIO) -> None:
    from dagster_drips.inbox.suppression_lists import COLUMNS

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows)
