"""Waivers of gates (G1): `data/journal/waivers.jsonl`, one line each, and their way into `raw.gate_waivers`.

The file is part of the journal, so a rebuild has them. What a waiver does is decided in dbt (`sequence_gates`); here
it is written and read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("gates.sql"))


@dataclass(frozen=True)
class Waiver:
    """One gate of one sequence set aside for ticks before `until`: why, by whom and when (wall clock) it was given."""

    gate: str
    sequence_id: str
    until: datetime
    why: str
    given_by: str
    given_at: datetime

    def as_dict(self) -> dict[str, str]:
        """Its line in the file."""
        return {
            "gate": self.gate,
            "sequence_id": self.sequence_id,
            "until": format_instant(self.until),
            "why": self.why,
            "given_by": self.given_by,
            "given_at": format_instant(self.given_at),
        }


def read_waivers(project: Project) -> list[Waiver]:
    """All that were ever given, in that order.

    Raises:
        DripsError: the file can't be read.
    """
    file = waivers_file(project)
    found: list[Waiver] = []
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            instants = {name: parse_instant(row.pop(name)) for name in ("until", "given_at")}
            found.append(Waiver(**row, **instants))
        return found
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DripsError) as error:
        message = "can't be read; put it back from a copy of the journal"
        raise DripsError(message, file=file, line=len(found) + 1) from error


def give_waiver(project: Project, waiver: Waiver) -> None:
    """Add one; on disk when this returns.

    Raises:
        DripsError: the file can't be read or written.
    """
    lines = "".join(json.dumps(one.as_dict()) + "\n" for one in [*read_waivers(project), waiver])
    file = waivers_file(project)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, lines.encode())
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=file) from error


def load_waivers(
    project: Project,
    warehouse: Warehouse,
    *,
    given_until: datetime | None = None,
    counts_from: Callable[[Waiver], datetime | None] = lambda waiver: None,
) -> None:
    """Make `raw.gate_waivers` say what the file says; nothing is written where it does.

    Args:
        project: whose file.
        warehouse: open for writing.
        given_until: later ones were not known yet (wall clock); None: all are.
        counts_from: the first tick that may know a waiver; None: any.

    Raises:
        DripsError: the file can't be read.
    """
    rows: list[dict[str, Any]] = [
        {
            "number": number,
            "gate": one.gate,
            "sequence_id": one.sequence_id,
            "until": one.until,
            "why": one.why,
            "given_by": one.given_by,
            "given_at": one.given_at,
            "counts_from": counts_from(one),
        }
        for number, one in enumerate(read_waivers(project), start=1)
        if given_until is None or one.given_at <= given_until
    ]
    if warehouse.rows(_STATEMENTS["waivers"]) == rows:
        return
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_waivers"])
        warehouse.append_rows("raw.gate_waivers", rows)


def waivers_file(project: Project) -> Path:
    """Where they are."""
    return project.journal / "waivers.jsonl"
