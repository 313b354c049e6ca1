"""Everything that is known of a person as one JSON document: rows of every table, rows of every file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster_drips.clock import format_instant, utc_now
from dagster_drips.landing.forgotten import normalized_address
from dagster_drips.privacy.forget import surveyed
from dagster_drips.privacy.survey import Survey
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("export.sql"))
_KEYS = ("lead_id", "enrollment_id", "message_id")
_ADDRESSES = ("email", "address", "recipient")
"""These go before `message_id`: a row of consent need not have come by a message."""


def export(project: Project, lead_id: str) -> dict[str, Any]:
    """What is known of a lead.

    `tables` has rows by table of the warehouse: by lead, enrollment, address or message, whichever a table has first.
    `files` has the rows as they lie in landing files, journals and outbox, by path below the data folder. What is
    published is a copy of `marts`.

    Raises:
        DripsError: nobody knows that lead, another run is going on, a file can't be read.
    """
    found = surveyed(project, lead_id)
    person = found.person
    tables: dict[str, list[dict[str, Any]]] = {}
    place = warehouse_of(project)
    if not isinstance(place, Path) or place.exists():
        with open_warehouse(place, read_only=True) as warehouse:
            tables = {name: rows for name, rows in _tables(warehouse, found) if rows}
    return {
        "lead_id": lead_id,
        "exported_at": format_instant(utc_now()),
        "known_as": sorted(person.lead_ids - {lead_id}),
        "addresses": sorted(person.addresses),
        "tables": tables,
        "files": dict(_files(project, found)),
    }


def _tables(warehouse: Warehouse, found: Survey) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    person = found.person
    ids = {
        "lead_id": person.lead_ids,
        "enrollment_id": person.enrollment_ids,
        "message_id": person.message_ids,
    }
    columns: dict[str, list[str]] = {}
    for row in warehouse.rows(_STATEMENTS["columns"]):
        columns.setdefault(row["relation"], []).append(row["column_name"])
    for relation, names in columns.items():
        address = next((name for name in _ADDRESSES if name in names), None)
        key = next((name for name in _KEYS if name in names and (name != "message_id" or address is None)), None)
        if key is not None:
            rows = warehouse.rows(f'select * from {relation} where "{key}" = any(?)', [sorted(ids[key])])
        elif address is not None:
            rows = [
                row
                for row in warehouse.rows(f'select * from {relation} where "{address}" is not null')
                if normalized_address(row[address]) in person.addresses
            ]
        elif relation == 'raw."rejected_rows"':
            rows = [row for row in warehouse.rows(f"select * from {relation}") if person.is_mentioned(row["row"] or "")]
        else:
            continue
        yield relation.replace('"', ""), rows


def _files(project: Project, found: Survey) -> Iterator[tuple[str, list[Any]]]:
    for file, rows in found.landing:
        yield f"landing/{file.path}", [{"line": row.line, "row": row.text} for row in rows]
    for path, rows in found.raw.items():
        yield _name(project, path), [{"line": row.line, "row": row.text} for row in rows]
    for path, lines in found.deliveries.items():
        yield _name(project, path), [line.decode("utf-8", "replace").rstrip("\n") for line in lines]
    for path, frame in found.decisions.items():
        yield _name(project, path), frame.to_dicts()
    for path in found.mails:
        yield _name(project, path), [path.read_bytes().decode("utf-8", "replace")]


def _name(project: Project, path: Path) -> str:
    return str(path.relative_to(project.data))
