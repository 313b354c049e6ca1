"""The contract's words, each list once: what is landed, of which columns and types, and why nobody is mailed.

What each of them means is said in docs/contract.md and decided in SQL; nothing here reads or checks anything.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

LANDING_KINDS = ("leads", "events", "suppressions", "engagement")
"""What can be landed, one folder each."""

LEAD_KEYS = ("lead_id", "created_at", "updated_at")
LEAD_FIELDS = (
    "email", "first_name", "last_name", "company", "country", "locale", "timezone", "phone", "tags",
)  # fmt: skip
"""The fields of a lead that every project has."""
LEAD_COLUMNS = (*LEAD_KEYS, *LEAD_FIELDS)
"""What templates see of a lead besides custom fields."""
ROW_SOURCE = "_drips_source"
"""The column in which the collector says by which key a row came."""
ROW_SOURCES = ("verified", "page", "anonymous")
"""Its values; a row without one is of a source that is trusted."""

EVENT_COLUMNS = ("event_id", "lead_id", "event", "occurred_at", "received_at", "properties", "value", "currency")
"""What templates see of an event."""
LEAD_CREATED = "lead_created"
"""The built-in trigger (E1); a landed event of that name is refused."""
IDENTIFIED = "identified"
"""The event that links an anonymous id to a lead."""

ENGAGEMENT_TYPES = (
    "delivered",
    "deferred",
    "bounced",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "resubscribed",
    "replied",
    "confirmed",
)
"""What may become of a message after it was sent."""


class SuppressionReason(StrEnum):
    """Why an address is on a suppression list (L3)."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    MANUAL = "manual"
    RESUBSCRIBED = "resubscribed"


LANDED_COLUMNS = {
    "leads": (*LEAD_COLUMNS, "changed_fields", ROW_SOURCE),
    "events": (*EVENT_COLUMNS, ROW_SOURCE),
    "suppressions": ("email", "reason", "occurred_at", "topic"),
    "engagement": (
        "message_id",
        "type",
        "occurred_at",
        "engagement_id",
        "topic",
        "url",
        "user_agent",
        "ip",
        "bounce_class",
        "detail",
    ),
}
"""The known columns of each kind; other columns of leads are custom fields, of events properties."""

DEFAULT_TIMEZONE = "UTC"
"""Of a project that names none (M5)."""

ConcernKind = Literal["stopped_sending", "in_doubt", "gates", "files", "journal", "failed_runs", "stopped_ticks"]
"""What `drips status` and alerts tell of."""
ConcernLevel = Literal["warning", "error"]
