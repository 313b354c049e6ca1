"""`drips status`: what is live, who is enrolled, what is due next, and what wants a look.

It reads the warehouse and changes nothing; the questions are in `status.sql`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json

if TYPE_CHECKING:
    from dagster_drips.project import Project

_SHOWN_IN_DOUBT = 10


@dataclass(frozen=True)
class Status:
    """A project as its last tick left it.

    `last_tick` has `as_of`, `phases`, `decided_at`, `recorded_at` (wall clock), and is None where no tick decided yet;
    `problems` are sentences. The lists hold rows of `status.sql`.
    """

    last_tick: dict[str, Any] | None
    sequences: list[dict[str, Any]]
    enrolled: list[dict[str, Any]]
    due_next: list[dict[str, Any]]
    problems: list[str]


def read_status(project: Project) -> Status:
    """The status of a project.

    Raises:
        DripsError: there is no warehouse yet, it can't be read, or a run is writing to it.
    """
    from dagster_drips.errors import DripsError
    from dagster_drips.mail.losses import told_losses
    from dagster_drips.warehouse import open_warehouse
    from dagster_drips.warehouse.statements import named_statements

    if not project.warehouse.exists():
        raise DripsError("there is no warehouse yet; make it with `drips run`", file=project.warehouse)
    statements = named_statements(Path(__file__).with_name("status.sql"))
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        if not warehouse.columns("journal.ticks"):
            raise DripsError("this warehouse has seen no tick yet; start with `drips run`", file=project.warehouse)
        ticks = warehouse.rows(statements["ticks"])
        decided = bool(ticks) and bool(warehouse.columns("decide.live_sequences"))
        sequences = warehouse.rows(statements["decided_sequences" if decided else "sequences"])
        measured = bool(warehouse.columns("marts.enrollments"))
        known_states = bool(warehouse.columns("decide.message_states"))
        in_doubt = warehouse.rows(statements["in_doubt"]) if known_states else []
        return Status(
            last_tick=ticks[0] if ticks else None,
            sequences=sequences,
            enrolled=warehouse.rows(statements["enrolled"]),
            due_next=warehouse.rows(statements["due_next"]) if measured else [],
            problems=[
                *_problems(ticks, sequences, warehouse.rows(statements["rejected"]), in_doubt),
                *told_losses(project, warehouse),
            ],
        )


def _problems(
    ticks: list[dict[str, Any]],
    sequences: list[dict[str, Any]],
    rejected: list[dict[str, Any]],
    in_doubt: list[dict[str, Any]],
) -> list[str]:
    found = []
    if ticks and "finished" not in ticks[0]["phases"]:
        found.append("the last tick did not finish; `drips run` goes on from it")
    for row in sequences:
        name = f"sequence {row['sequence_id']}"
        if segment := row["segment_without_result"]:
            found.append(f"{name} is paused: segment {segment} has no result; see `drips run`")
        if row["file_state"] == "invalid":
            found.append(f"{name} goes on as it last validly was: its file doesn't validate; see `drips validate`")
        if row["file_state"] == "deleted":
            found.append(f"{name} is paused: its file is gone")
    for row in rejected:
        rows = "1 row" if row["rows"] == 1 else f"{row['rows']} rows"
        where = f"data/landing/{row['kind']}/{row['file']}" + (f":{row['line']}" if row["line"] else "")
        found.append(f"{where}: {rows} rejected, first: {row['reason']}; see raw.rejected_rows")
    for row in in_doubt[:_SHOWN_IN_DOUBT]:
        found.append(
            f"message {row['message_id']} ({row['sequence_id']}/{row['step_id']} to {row['recipient']}) is in doubt:"
            f" {row['detail'] or 'the server never answered'}"
        )
    if len(in_doubt) > _SHOWN_IN_DOUBT:
        found.append(f"{len(in_doubt) - _SHOWN_IN_DOUBT} more messages are in doubt")
    if in_doubt:
        found.append(
            "messages in doubt hold their enrollments until somebody says what became of them: `drips resolve`"
        )
    return found


@app.command(epilog="Example: `drips status --json`")
def status(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """Show what is live, who is enrolled, what is due next, and problems."""
    found = read_status(chosen_project(project))
    if as_json:
        print_json(asdict(found))
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: Status) -> list[str]:
    from dagster_drips.clock import format_instant

    lines = []
    if found.last_tick is None:
        lines.append("no tick yet")
    else:
        tick = found.last_tick
        phases = ", ".join(tick["phases"])
        recorded = format_instant(tick["recorded_at"].replace(microsecond=0))
        lines.append(f"last tick  {format_instant(tick['as_of'])}: {phases}; by the wall clock {recorded}")
    counts = {row["sequence_id"]: row for row in found.enrolled}
    due = {row["sequence_id"]: row for row in found.due_next}
    header = (
        "sequence",
        "status",
        "file",
        "version",
        "opens at",
        "active",
        "completed",
        "exited",
        "waiting",
        "24 h",
        "next due",
    )
    rows: list[tuple[str, ...]] = [header]
    for row in found.sequences:
        enrolled, coming = counts.pop(row["sequence_id"], {}), due.get(row["sequence_id"], {})
        rows.append(
            (
                row["sequence_id"],
                "paused for a segment" if row["segment_without_result"] else row["status"],
                row["file_state"],
                row["version_id"][:8],
                _moment(row["opens_at"]),
                *(str(enrolled.get(name, 0)) for name in ("active", "completed", "exited")),
                *(str(coming.get(name, 0)) for name in ("waiting", "within_a_day")),
                _moment(coming.get("next_at")),
            )
        )
    lines += ["", *_aligned(rows)]
    lines += ["", "problems" if found.problems else "no problems", *(f"  {problem}" for problem in found.problems)]
    return lines


def _moment(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if value else "–"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    is_number = [all(row[column].isdigit() for row in rows[1:]) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(row, widths, is_number, strict=True)
        ).rstrip()
        for row in rows
    ]
