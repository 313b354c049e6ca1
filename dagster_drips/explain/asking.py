"""What somebody asks by a lead or an address, a sequence and an instant: the right tick, the right people.

Here belongs where an answer comes from: the warehouse as it stands, what was published while a tick holds it, or an
earlier tick made again. How it is told is `telling`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.explain.explanation import STATEMENTS, Explanation, explain
from dagster_drips.explain.past import as_of_tick
from dagster_drips.landing.forgotten import normalized_address
from dagster_drips.pipeline.publish import DATABASE
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, WarehouseBusy, open_warehouse, warehouse_of


@dataclass(frozen=True)
class LeadAnswer:
    """One lead: its time zone as landed, what could have entered it into sequences, and why each mail went out or not.

    `occurrences` are rows with `sequence_id`, `occurrence_id`, `occurred_at`, `decided_at`, `decision` (or `waiting`)
    and `enrollment_id`. `content` is what mails that were sent, or are due, show of content models (M9): rows with
    `enrollment_id`, `step_id`, `as_of` and `content`. `rejected` is landed rows that name the lead and could not be
    taken, the latest first: `kind`, `file`, `line` and `reason`.
    """

    lead_id: str
    timezone: str | None
    occurrences: list[dict[str, Any]]
    explanations: list[Explanation]
    content: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """As of the end of a tick.

    `is_published`: another tick holds the warehouse, and this is what was published last.
    """

    as_of: datetime
    leads: list[LeadAnswer]
    is_published: bool = False


def ask(project: Project, lead: str, *, sequence: str | None = None, at: datetime | None = None) -> Answer:
    """Why a lead got each mail, or did not, as of the last decided tick, or the last one up to an instant.

    Args:
        project: whose; nothing in it changes.
        lead: a lead_id, or an address, which several leads may have.
        sequence: this one alone.
        at: the instant.

    Raises:
        DripsError: there was no tick yet, or none by then; the lead or the sequence is unknown; a tick holds the
            warehouse and nothing is published, or `at` is asked for.
    """
    place = warehouse_of(project)
    if isinstance(place, Path) and not place.exists():
        raise DripsError("there is no warehouse yet; make it with `drips run`", file=place)
    with _warehouse(project, at) as (warehouse, as_of, is_published):
        known = [row["sequence_id"] for row in warehouse.rows(STATEMENTS["sequences"])]
        if sequence is not None and sequence not in known:
            raise DripsError(f"no sequence {sequence!r} was live at {format_instant(as_of)}")
        return Answer(
            as_of,
            [_answer(warehouse, row, sequence) for row in _people(warehouse, lead, as_of)],
            is_published,
        )


@contextmanager
def _warehouse(project: Project, at: datetime | None) -> Generator[tuple[Warehouse, datetime, bool]]:
    """Where the answer stands, the tick that it is of, and whether it is only what was published."""
    again: datetime | None = None
    try:
        with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
            tick = _tick(warehouse, project, at)
            if _is_measured(warehouse, tick):
                yield warehouse, tick, False
                return
            again = tick
    except WarehouseBusy:
        file = project.published_set.resolve() / DATABASE
        if at is not None or not file.exists():
            raise
    if again is not None:
        with as_of_tick(project, again) as warehouse:
            yield warehouse, again, False
        return
    with open_warehouse(file, read_only=True) as warehouse:
        yield warehouse, warehouse.value(STATEMENTS["measured"]), True


def _tick(warehouse: Warehouse, project: Project, at: datetime | None) -> datetime:
    ticks = warehouse.rows(STATEMENTS["ticks"], {"at": at})[0] if warehouse.columns("journal.ticks") else {"last": None}
    if ticks["last"] is None:
        raise DripsError("this warehouse has seen no tick yet; start with `drips run`", file=project.warehouse)
    if ticks["asked"] is None:
        assert at is not None
        raise DripsError(
            f"no tick is as early as {format_instant(at)}: the first was at {format_instant(ticks['first'])}"
        )
    return ticks["asked"]


def _is_measured(warehouse: Warehouse, tick: datetime) -> bool:
    """Whether the marts, and what they are made of, are that tick's, which was the last one to begin."""
    if not warehouse.columns("marts.explanations"):
        return False
    begun = warehouse.rows(STATEMENTS["ticks"], {"at": None})[0]["begun"]
    return tick == begun == warehouse.value(STATEMENTS["measured"])


def _people(warehouse: Warehouse, lead: str, as_of: datetime) -> list[dict[str, Any]]:
    found = warehouse.rows(STATEMENTS["by_id"], {"lead": lead})
    address = normalized_address(lead)
    if not found and address:
        rows = warehouse.rows(STATEMENTS["by_address"], {"lead": address})
        found = [row for row in rows if normalized_address(row["email"]) == address]
    if not found:
        unknown = f"no lead {lead!r} was known at {format_instant(as_of)}"
        if rejected := _rejected(warehouse, [lead]):
            more = f" (and {len(rejected) - 1} rows more)" if rejected[1:] else ""
            raise DripsError(f"{unknown}, but a landed row names it: {rejection(rejected[0])}{more}")
        raise DripsError(f"{unknown}; give a lead_id or an address")
    return found


def rejection(row: dict[str, Any]) -> str:
    """A rejected row in words."""
    return f"{row['kind']}/{row['file']}, line {row['line']}, rejected: {row['reason']}"


def _rejected(warehouse: Warehouse, names: list[str]) -> list[dict[str, Any]]:
    """Nothing where only what was published can be read."""
    if not warehouse.columns("raw.rejected_rows"):
        return []
    # A value ends where CSV's or JSON's do.
    either = "|".join(re.escape(name) for name in names)
    edge = r"[\s\",;|\t{}\[\]:]"
    return warehouse.rows(STATEMENTS["rejected"], {"pattern": f"(^|{edge})({either})($|{edge})"})


def _answer(warehouse: Warehouse, person: dict[str, Any], sequence: str | None) -> LeadAnswer:
    asked = {"lead": person["lead_id"], "sequence": sequence}
    occurrences = warehouse.rows(STATEMENTS["judged"], asked)
    if warehouse.columns("decide.occurrences"):
        occurrences += warehouse.rows(STATEMENTS["waiting"], asked)
    explanations = explain(warehouse, person["lead_id"], sequence)
    return LeadAnswer(
        person["lead_id"],
        person["timezone"],
        occurrences,
        explanations,
        _content(warehouse, asked["lead"], explanations),
        _rejected(warehouse, [name for name in (person["lead_id"], normalized_address(person["email"])) if name]),
    )


def _content(warehouse: Warehouse, lead_id: str, explanations: list[Explanation]) -> list[dict[str, Any]]:
    """What was frozen for the lead's messages, of each the last; nothing where only what was published can be read."""
    if not warehouse.columns("journal.message_content"):
        return []
    told = {(one.enrollment_id, one.step_id) for one in explanations if one.state not in ("waiting", "skipped")}
    rows = warehouse.rows(STATEMENTS["content"], {"lead": lead_id})
    return [
        {**row, "content": json.loads(row["content"])} for row in rows if (row["enrollment_id"], row["step_id"]) in told
    ]
