"""`drips status`: what is live, who is enrolled, what is due next, and what wants a look.

It reads the warehouse, or what the last tick published while another one holds it; the questions are those of
`pipeline.status`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import format_instant, utc_now

if TYPE_CHECKING:
    from dagster_drips.project import Project

_SHOWN_IGNORED = 10


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
    refreshed_segments: list[dict[str, Any]]
    """Segments that keep their result for a while (E10)."""
    problems: list[str]
    published_at: datetime | None = None
    """Where a tick held the warehouse: when what is told here was published (wall clock)."""


def read_status(project: Project) -> Status:
    """The status of a project.

    Raises:
        DripsError: there is no warehouse yet, it can't be read, or a first run is writing to it.
    """
    from dagster_drips.pipeline.problems import problems
    from dagster_drips.pipeline.status import current_facts, next_due, unacknowledged

    facts, published_at = current_facts(project)
    ticks = facts["ticks"]
    sequences = facts["decided_sequences" if ticks and facts["decided_sequences"] else "sequences"]
    # While a tick runs the schedule is all that there is to tell.
    opens = next_due(project) if published_at is None else {}
    due_next = [row | {"next_at": opens.get(row["sequence_id"], row["next_at"])} for row in facts["due_next"]]
    return Status(
        last_tick=ticks[0] if ticks else None,
        sequences=sequences,
        enrolled=facts["enrolled"],
        due_next=due_next,
        refreshed_segments=facts["refreshed_segments"],
        problems=[
            *_misplaced(project),
            *problems(facts, unacknowledged(project, facts["rejected"])),
            *(row["problem"] for row in facts.get("losses", [])),
            *_ignored(project),
            *_mails_to_look_at(project),
        ],
        published_at=published_at,
    )


def _ignored(project: Project) -> list[str]:
    from dagster_drips.landing.files import ignored_files

    found = [str(file) for file in ignored_files(project)]
    more = len(found) - _SHOWN_IGNORED
    return [*found[:_SHOWN_IGNORED], f"{more} more files are ignored in data/landing"] if more > 0 else found


def _misplaced(project: Project) -> list[str]:
    from dagster_drips.delivery.place import misplaced

    reason = misplaced(project)
    return [f"nothing is sent from here: {reason}; if the project has moved for good, `drips adopt`"] if reason else []


def _mails_to_look_at(project: Project) -> list[str]:
    from dagster_drips.inbox.kept_mails import LOOKED_BACK, to_look_at

    counts = to_look_at(project, now=utc_now())
    if not counts:
        return []
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))
    return [f"mails of the last {LOOKED_BACK.days} days want a look ({told}): `drips inbox --kept`"]


@app.command(epilog="Example: `drips status --json`")
def status(
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="Tell no more of the rows that are rejected by now.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Show what is live, who is enrolled, what is due next, and problems."""
    place = chosen_project(project)
    if acknowledge:
        from dagster_drips.pipeline import status as pipeline_status

        count = pipeline_status.acknowledge(place, pipeline_status.current_facts(place)[0]["rejected"])
        typer.echo(f"acknowledged: rejected rows of {count} files", err=True)
    found = read_status(place)
    if as_json:
        print_json(asdict(found))
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: Status) -> list[str]:

    lines = []
    if found.published_at:
        lines.append(f"a tick is running; as published at {format_instant(found.published_at)} by the wall clock:")
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
        "due in 24 h",
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
    if found.refreshed_segments:
        lines += [
            "",
            *_aligned([("segment", "members", "asked at", "next at"), *map(_refreshed, found.refreshed_segments)]),
        ]
    lines += ["", "problems" if found.problems else "no problems", *(f"  {problem}" for problem in found.problems)]
    return lines


def _refreshed(row: dict[str, Any]) -> tuple[str, ...]:
    members = "no result" if row["members"] is None else str(row["members"])
    return row["segment"], members, _moment(row["refreshed_at"]), _moment(row["next_refresh_at"])


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
