"""Rows that can be taken, to be changed by the tests."""

from __future__ import annotations

from typing import Any


def event(**changes: Any) -> dict[str, Any]:
    """An event that can be taken, but for the changes; None takes a column away."""
    row = {"event_id": "e1", "lead_id": "L1", "event": "signup", "occurred_at": "2026-01-01T00:00:00Z"} | changes
    return {name: value for name, value in row.items() if value is not None}


def lead(**changes: Any) -> dict[str, Any]:
    """A lead that can be taken, but for the changes; None takes a column away."""
    row = {"lead_id": "L1", "created_at": "2026-01-01T00:00:00Z", "email": "a@b.example"} | changes
    return {name: value for name, value in row.items() if value is not None}


def fact(**changes: Any) -> dict[str, Any]:
    """A piece of engagement that can be taken, but for the changes; None takes a column away."""
    row = {"engagement_id": "g1", "message_id": "m1", "type": "opened", "occurred_at": "2026-01-01T00:00:00Z"} | changes
    return {name: value for name, value in row.items() if value is not None}
