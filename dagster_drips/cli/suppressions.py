"""`drips suppressions`: the list of whom not to mail, taken in from elsewhere and given out.

Import lands a file like any other; who is suppressed is decided in dbt at the next tick.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from dagster_drips.cli.app import ProjectOption, app, chosen_project
from dagster_drips.durable import write_whole
from dagster_drips.errors import DripsError
from dagster_drips.project import Project

COLUMNS = ("email", "reason", "occurred_at", "topic")


class Action(StrEnum):
    """What to do with the list."""

    IMPORT = "import"
    EXPORT = "export"


class Reason(StrEnum):
    """Why an address is on the list (L3)."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    MANUAL = "manual"
    RESUBSCRIBED = "resubscribed"


# A later wish lifts an earlier one, so without a time these two are as of now; the others hold from the start.
_DATED = (Reason.UNSUBSCRIBED, Reason.RESUBSCRIBED)


@app.command(epilog="Example: `drips suppressions import old-tool.csv --reason unsubscribed`")
def suppressions(
    action: Annotated[Action, typer.Argument(help="Take a list in, or give out who is suppressed now.")],
    file: Annotated[
        Path | None,
        typer.Argument(help="To import: CSV with a column email, or one address a line.", show_default=False),
    ] = None,
    reason: Annotated[Reason, typer.Option(help="Import: of rows that give none.")] = Reason.MANUAL,
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
    if topic and reason not in _DATED:
        raise DripsError(f"a topic goes with unsubscribed and resubscribed only, not with {reason}")
    landed, count = import_list(place, file, reason=reason, topic=topic)
    rows = "1 row" if count == 1 else f"{count} rows"
    typer.echo(f"{rows} landed in data/landing/{landed}; they count from the next tick on, and from sending on")


def import_list(project: Project, file: Path, *, reason: Reason, topic: str | None) -> tuple[str, int]:
    """Land a list as a file of suppressions; returns its path below `data/landing` and how many rows it has.

    Args:
        project: where to land it.
        file: CSV with a column `email` (and `reason`, `occurred_at`, `topic`), or one address a line without a header.
        reason: of rows that give none.
        topic: of rows that give none.

    Raises:
        DripsError: a row has no address or an unknown reason: nothing is landed then.
    """
    rows = [_completed(row, reason, topic) for row in _rows(file)]
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    folder = project.landing / "suppressions"
    folder.mkdir(parents=True, exist_ok=True)
    # The same list has the same name: landing it twice adds nothing.
    target = folder / f"imported-{hashlib.sha256(content).hexdigest()[:16]}.csv"
    if not target.exists():
        write_whole(target, content)
    return f"suppressions/{target.name}", len(rows)


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DripsError(f"can't be read: {error.strerror}", file=file) from error
    except UnicodeDecodeError as error:
        raise DripsError("not UTF-8", file=file) from error
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        numbered = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise DripsError(f"not CSV: {error}", file=file) from error
    if not numbered:
        raise DripsError("there is nothing in it", file=file)
    names = [cell.strip().lower() for cell in numbered[0][1]]
    if "email" in names:
        numbered = numbered[1:]
    elif len(names) == 1 and "@" in names[0]:
        names = ["email"]
    else:
        raise DripsError("no column `email`", file=file, line=1)
    found = []
    for line, cells in numbered:
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        if "@" not in row.get("email", ""):
            raise DripsError(f"not an address: {row.get('email', '')!r}; nothing was imported", file=file, line=line)
        if row.get("reason") and row["reason"] not in list(Reason):
            raise DripsError(f"not a reason: {row['reason']!r}; one of {', '.join(Reason)}", file=file, line=line)
        if row.get("occurred_at"):
            _check_time(row["occurred_at"], file, line)
        found.append(row)
    return found


def _check_time(text: str, file: Path, line: int) -> None:
    from dagster_drips.clock import parse_instant

    try:
        parse_instant(text)
    except DripsError as error:
        raise DripsError(error.message, file=file, line=line) from error


def _completed(row: dict[str, str], reason: Reason, topic: str | None) -> dict[str, str]:
    from dagster_drips.clock import format_instant, utc_now

    own = Reason(row.get("reason") or reason)
    occurred_at = row.get("occurred_at") or (format_instant(utc_now()) if own in _DATED else "")
    own_topic = (row.get("topic") or topic or "") if own in _DATED else ""
    return {"email": row["email"], "reason": own, "occurred_at": occurred_at, "topic": own_topic}


def _export(project: Project, out: Path | None) -> None:
    from dagster_drips.clock import format_instant
    from dagster_drips.warehouse import open_warehouse
    from dagster_drips.warehouse.statements import named_statements

    if not project.warehouse.exists():
        raise DripsError("there is no warehouse yet; make it with `drips run`", file=project.warehouse)
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        if not warehouse.columns("decide.suppressions_now"):
            raise DripsError("this warehouse has seen no tick yet; start with `drips run`", file=project.warehouse)
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
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows)
