"""What a project's last tick left, as rows: for `drips status`, from the warehouse or from what was published.

Here belong the questions (`status.sql`), the copy of their answers that can be read while a tick holds the warehouse,
and which rejected rows somebody has seen. Wording is the command's.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster_drips.delivery.losses import reported_losses
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, WarehouseBusy, open_warehouse, warehouse_of
from dagster_drips.warehouse.quoting import quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("status.sql"))
_NEXT_DUE = named_statements(Path(__file__).with_name("next_due.sql"))["next_due"]
_FACTS = "status.duckdb"
_NEEDED = {
    "absent_leads": "raw.intake_models",
    "clock": "raw.tick",
    "decided_sequences": "decide.live_sequences",
    "due_next": "marts.enrollments",
    "enrolled": "after_sending.enrollments_after_sending",
    "gates": "decide.sequence_gates",
    "in_doubt": "kept.current_message_states",
    "intake_problems": "raw.intake_problems",
    "refreshed_segments": "decide.segment_refreshes",
    "segment_failures": "raw.segment_failures",
    "stops": "raw.sending_stops",
}
"""Statement → the table that is not there before some tick has come so far."""

Facts = dict[str, list[dict[str, Any]]]
"""Name of a statement of `status.sql` → its rows."""


def read_facts(warehouse: Warehouse) -> Facts:
    """The answers to all statements; none where the tables are not there yet."""
    return {name: warehouse.rows(sql) if _can_ask(warehouse, name) else [] for name, sql in _STATEMENTS.items()}


def publish_facts(warehouse: Warehouse, folder: Path) -> None:
    """Write them to a new `status.duckdb` in the folder of a set that nobody reads yet."""
    warehouse.execute(f"attach {quoted_text(str(folder / _FACTS))} as published_status")
    try:
        for name, sql in _STATEMENTS.items():
            if _can_ask(warehouse, name):
                warehouse.execute(f"create table published_status.{name} as {sql}")
        warehouse.execute("checkpoint published_status")
    finally:
        warehouse.execute("detach published_status")


def published_facts(folder: Path) -> Facts | None:
    """What stands in a published set; None where there is none."""
    file = folder / _FACTS
    if not file.exists():
        return None
    with open_warehouse(file, read_only=True) as published:
        tables = {name: bool(published.columns(f"main.{name}")) for name in _STATEMENTS}
        return {name: published.rows(f"select * from {name}") if there else [] for name, there in tables.items()}


def current_facts(project: Project) -> tuple[Facts, datetime | None]:
    """What there is to tell, with `losses` of the delivery journal among it; and when it was published (wall clock),
    where a tick holds the warehouse.

    Raises:
        DripsError: there is no warehouse yet, it can't be read, or a first run is writing to it.
    """
    place = warehouse_of(project)
    if isinstance(place, Path) and not place.exists():
        raise DripsError("there is no warehouse yet; make it with `drips run`", file=place)
    try:
        with open_warehouse(place, read_only=True) as warehouse:
            if not warehouse.columns("journal.ticks"):
                told = place if isinstance(place, Path) else place.name
                raise DripsError("this warehouse has seen no tick yet; start with `drips run`", file=told)
            losses = [{"problem": told} for told in reported_losses(project, warehouse)]
            return read_facts(warehouse) | {"losses": losses}, None
    except WarehouseBusy:
        folder = project.published_set.resolve()
        facts = published_facts(folder)
        if facts is None:
            raise
        return facts, published_at(folder).replace(microsecond=0)


def next_due(project: Project) -> dict[str, datetime]:
    """Sequence → when its next step may go out by schedule and send window; nothing while a tick holds the warehouse.

    Sequences of which no step may go out later than at the last tick are not among them.
    """
    try:
        with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
            rows = warehouse.rows(_NEXT_DUE) if warehouse.columns("intermediate.int_coming_steps") else []
            return {row["sequence_id"]: row["next_at"] for row in rows}
    except WarehouseBusy:
        return {}


def published_at(folder: Path) -> datetime:
    """When the facts of a published set were written, naive UTC."""
    return datetime.fromtimestamp((folder / _FACTS).stat().st_mtime, UTC).replace(tzinfo=None)


def _can_ask(warehouse: Warehouse, name: str) -> bool:
    return name not in _NEEDED or bool(warehouse.columns(_NEEDED[name]))


# Rejected rows that somebody has seen --------------------------------------------------------------------------------


def unacknowledged(project: Project, rejected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those rows of the statement `rejected` that nobody has acknowledged as they are now."""
    file = _acknowledged_file(project)
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        seen = {json.loads(line)["digest"] for line in lines}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DripsError(f"can't be read: {error}; without it all rejected rows are shown again", file=file) from error
    return [row for row in rejected if _digest(row) not in seen]


def acknowledge(project: Project, rejected: list[dict[str, Any]]) -> int:
    """Keep that somebody has seen these; more rows of such a file, or another reason, are news again.

    Returns:
        How many of them were news.

    Raises:
        DripsError: the journal can't be written.
    """
    news = unacknowledged(project, rejected)
    file = _acknowledged_file(project)
    # Digests, as a reason may quote what somebody's address was.
    lines = "".join(json.dumps({"kind": row["kind"], "digest": _digest(row)}) + "\n" for row in news)
    try:
        before = file.read_bytes() if file.exists() else b""
        atomic_write(file, before + lines.encode())
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=file) from error
    return len(news)


def _acknowledged_file(project: Project) -> Path:
    return project.journal / "acknowledged_rejections.jsonl"


def _digest(row: dict[str, Any]) -> str:
    known = [row["kind"], row["file"], row["rows"], row["line"], row["reason"]]
    return hashlib.sha256(json.dumps(known, ensure_ascii=False).encode()).hexdigest()
