"""What came of the demo: rows of the marts, and a look into the outbox. Reading only; the command line draws them."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("tables.sql"))
_SHOWN = ("landed", "decisions", "sequences", "steps", "latest_messages")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class DemoTables:
    """Rows by table, most telling first."""

    landed: Rows
    decisions: Rows
    sequences: Rows
    steps: Rows
    outbox: Rows
    """The latest messages, each with the file it was caught in: `file`, `recipient`, `subject`, `step`."""


def read_tables(warehouse: Warehouse, outbox: Path) -> DemoTables:
    """The tables, once the marts are built."""
    rows = {name: warehouse.rows(_STATEMENTS[name]) for name in _SHOWN}
    return DemoTables(
        landed=rows["landed"],
        decisions=rows["decisions"],
        sequences=rows["sequences"],
        steps=rows["steps"],
        outbox=[_caught(message, outbox) for message in rows["latest_messages"]],
    )


def _caught(message: dict[str, Any], outbox: Path) -> dict[str, Any]:
    file = outbox / f"{message['message_id']}.eml"
    headers = BytesHeaderParser(policy=policy.default).parsebytes(file.read_bytes())
    return {
        "file": file.name,
        "recipient": message["recipient"],
        "subject": str(headers["Subject"]),
        "step": message["step"],
    }
