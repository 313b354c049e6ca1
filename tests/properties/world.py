"""A random small project as plain values: who lands what when, which sequence files stand there at which tick.

Here belong the inputs and their spelling in files. How they are drawn is in `strategies`, what follows from them by the
rules in `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

START = datetime(2026, 3, 28)
"""The first tick. In the days behind it clocks change in Europe (29 March) and Australia (5 April)."""
STEP_MINUTES = 30
"""Every time lies on this grid, so that instants meet exactly."""

SEGMENTS = {
    "everyone": "select lead_id from {{ ref('stg_leads') }}",
    "vips": "select lead_id from {{ ref('stg_leads') }} where {{ has_tag('vip') }}",
    "buyers": "select lead_id from {{ ref('stg_events') }} where event = 'purchase'",
    "fresh": "select lead_id from {{ ref('stg_leads') }} where created_at > {{ as_of() }} - interval '2 days'",
    "quiet": (
        "select lead_id from {{ ref('stg_leads') }} where lead_id not in"
        " (select lead_id from {{ ref('stg_events') }} where occurred_at > {{ as_of() }} - interval '1 day')"
    ),
}

Definition = dict[str, Any]
"""A `sequence.yml`."""
BROKEN = "broken"
"""Stands for a file that does not validate."""


def moment(places: int) -> datetime:
    """An instant on the grid, counted from the first tick."""
    return START + timedelta(minutes=STEP_MINUTES * places)


def span(duration: dict[str, float]) -> timedelta:
    """A duration as a sequence file has it."""
    return timedelta(**duration)


@dataclass(frozen=True)
class LeadVersion:
    """One landed row of a lead; `lands` is the number of the tick before which its file appears."""

    lead_id: str
    created_at: datetime
    updated_at: datetime | None
    email: str | None
    timezone: str | None
    tags: tuple[str, ...]
    lands: int


@dataclass(frozen=True)
class Event:
    event_id: str
    lead_id: str
    event: str
    occurred_at: datetime
    received_at: datetime | None
    plan: str | None
    lands: int
    value: float | None = None


@dataclass(frozen=True)
class Suppression:
    email: str
    reason: str | None
    occurred_at: datetime | None
    topic: str | None
    lands: int


@dataclass(frozen=True)
class Reaction:
    """Engagement of a message still to be sent: the `choice`-th of those sent by then, `places` after its sending."""

    choice: int
    type: str
    places: int | None
    topic: str | None
    bounce_class: str | None
    lands: int


@dataclass(frozen=True)
class Engagement:
    """A reaction once there is a message it is about."""

    message_id: str
    type: str
    occurred_at: datetime | None
    topic: str | None
    bounce_class: str | None
    lands: int


@dataclass(frozen=True)
class Tick:
    """One tick and what happens to it: nothing, `unsent` (its mail stays due), `repeated` (it dies while sending)."""

    as_of: datetime
    mishap: str | None = None


@dataclass(frozen=True)
class World:
    """All inputs of one run. `files[n]` is the content of `sequences/` at tick n, as id → definition or BROKEN."""

    settings: dict[str, Any]
    ticks: list[Tick]
    files: list[dict[str, Definition | str]]
    leads: list[LeadVersion]
    events: list[Event]
    suppressions: list[Suppression]
    reactions: list[Reaction]


@dataclass
class History:
    """What a run left behind: rows of journal and delivery log, and what each tick said of each next step."""

    world: World
    engagement: list[Engagement] = field(default_factory=list)
    enrollment_decisions: list[dict[str, Any]] = field(default_factory=list)
    enrollment_closings: list[dict[str, Any]] = field(default_factory=list)
    skipped_steps: list[dict[str, Any]] = field(default_factory=list)
    sends: list[dict[str, Any]] = field(default_factory=list)
    states: list[list[dict[str, Any]]] = field(default_factory=list)
    brought_up_to_date: dict[str, Any] = field(default_factory=dict)
    """Tables that deciding keeps and what it says of them at the last tick, as the ticks have left them …"""
    made_anew: dict[str, Any] = field(default_factory=dict)
    """… and made anew from all that landed and was decided."""
