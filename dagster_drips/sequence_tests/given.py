"""The world of a test as landing files, so that it comes in as everything does.

Here belongs the form of the rows. What they mean is the landing's and the models' matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_drips.clock import format_instant
from dagster_drips.project import Project
from dagster_drips.sequences.tests_schema import GivenEngagement, GivenLead, SequenceTest, resolved
from dagster_drips.sequences.yaml_source import WrittenNumber

_FILE = "given.jsonl"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")

Rows = dict[str, list[dict[str, Any]]]
"""Kind of landing → its rows, in the order of the test."""


def given_rows(test: SequenceTest) -> Rows:
    """What a test has landed: leads, events and suppressions, with the defaults filled in."""
    start = test.start
    events = [
        {
            "event_id": event.event_id or f"{number:04}-{event.event}",
            "lead_id": event.lead_id,
            "event": event.event,
            "occurred_at": _time(event.occurred_at, start),
            "received_at": _time(event.received_at, start),
            "properties": event.properties or None,
            "value": event.value,
            "currency": event.currency,
        }
        for number, event in enumerate(test.given.events, start=1)
    ]
    addresses = {lead.lead_id: address_of_lead(lead) for lead in test.given.leads}
    suppressions = [
        {
            "email": row.email or addresses[row.lead_id or ""],
            "reason": row.reason,
            "occurred_at": _time(row.occurred_at, start),
            "topic": row.topic,
        }
        for row in test.given.suppressions
    ]
    return {"leads": [_lead(lead, start) for lead in test.given.leads], "events": events, "suppressions": suppressions}


def address_of_lead(lead: GivenLead) -> str:
    """Its address; one at a reserved domain where the test gives none."""
    email = (lead.model_extra or {}).get("email")
    return f"{lead.lead_id}@people.example" if email is None else str(email)


def land(project: Project, rows: Rows) -> None:
    """Make the landing folders hold these rows and nothing else."""
    for kind, content in rows.items():
        file = project.landing / kind / _FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        if content:
            file.write_text("".join(f"{as_json(row)}\n" for row in content), encoding="utf-8")
        else:
            file.unlink(missing_ok=True)


def engagement_row(fact: GivenEngagement, number: int, message_id: str, start: datetime) -> dict[str, Any]:
    """A row of `raw.engagement`."""
    return {
        "engagement_id": f"{number:04}",
        "message_id": message_id,
        "type": fact.type,
        "occurred_at": resolved(fact.occurred_at, start),
        "topic": fact.topic,
        "url": fact.url,
        "user_agent": fact.user_agent,
        "ip": None,
        "bounce_class": fact.bounce_class,
        "detail": None,
        "_load": 0,
        "_line": number,
    }


def _lead(lead: GivenLead, start: datetime) -> dict[str, Any]:
    known = {
        "lead_id": lead.lead_id,
        "created_at": _time(lead.created_at, start),
        "updated_at": _time(lead.updated_at, start),
    }
    return {**known, **(lead.model_extra or {}), "email": address_of_lead(lead)}


def _time(moment: datetime | timedelta | None, start: datetime) -> str | None:
    return None if moment is None else format_instant(resolved(moment, start))


def as_json(value: Any) -> str:
    """JSON with numbers as their author wrote them: `1.50` is another text than `1.5` (E1)."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {as_json(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_json, value)) + "]"
    if isinstance(value, WrittenNumber) and _NUMBER.fullmatch(value.written):
        return value.written
    return json.dumps(value)


def file_of(project: Project, kind: str) -> Path:
    """Where the rows of a kind lie."""
    return project.landing / kind / _FILE
