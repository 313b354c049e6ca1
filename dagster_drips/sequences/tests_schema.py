"""What may stand in a sequence's `tests.yml`: the contract's keys, types and defaults.

Here belong shapes, as in `schema`; what must fit the sequence and the project is checked in `tests_file`. What a test
does is the matter of `dagster_drips.sequence_tests`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, InstanceOf, Tag

from dagster_drips.sequences.fields import (
    Address,
    Identifier,
    Instant,
    Line,
    Names,
    StrictModel,
    Text,
    instant_of,
    listed,
)
from dagster_drips.sequences.yaml_source import written_text
from dagster_drips.vocabulary import ENGAGEMENT_TYPES, SuppressionReason

_RELATIVE = re.compile(r"([+-])((?:\d+[dhms])+)")
_PARTS = re.compile(r"(\d+)([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_EXAMPLE = "write it like 2026-03-02T09:00:00Z, or +1d2h: so long after the test's start"


def _span(text: str) -> timedelta:
    try:
        return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PARTS.findall(text)), timedelta())
    except OverflowError as error:
        raise ValueError(f"'{text}' is too long") from error


def _moment(value: Any) -> datetime | timedelta:
    text = value.replace(" ", "") if isinstance(value, str) else ""
    if found := _RELATIVE.fullmatch(text):
        return _span(found[2]) if found[1] == "+" else -_span(found[2])
    try:
        return instant_of(value)
    except ValueError as error:
        raise ValueError(f"'{written_text(value) or value}' is no time; {_EXAMPLE}") from error


def _every(value: Any) -> timedelta:
    text = value.replace(" ", "") if isinstance(value, str) else ""
    if not re.fullmatch(r"(\d+[dhms])+", text) or not (span := _span(text)):
        raise ValueError(f"'{written_text(value) or value}' is no span; write it like 1h, 15m or 1d12h")
    return span


Moment = Annotated[InstanceOf[datetime] | InstanceOf[timedelta], BeforeValidator(_moment, json_schema_input_type=str)]
"""An instant (naive UTC), or how long after the test's start; before it where it is negative."""
Every = Annotated[InstanceOf[timedelta], BeforeValidator(_every, json_schema_input_type=str)]
"""A span such as `1h`."""


def resolved(moment: datetime | timedelta, start: datetime) -> datetime:
    """The instant of a moment in a test with that start.

    Raises:
        OverflowError: no calendar reaches there.
    """
    return moment if isinstance(moment, datetime) else start + moment


class GivenLead(StrictModel):
    """One version of a lead, as it is landed; whatever other keys there are, are custom fields."""

    model_config = ConfigDict(extra="allow")

    lead_id: Text
    created_at: Moment = timedelta()
    updated_at: Moment | None = None


class GivenEvent(StrictModel):
    """One event, as it is landed."""

    lead_id: Text
    event: Text
    occurred_at: Moment
    received_at: Moment | None = None
    event_id: Text | None = None
    properties: dict[str, Any] = Field(default_factory=dict)
    value: float | None = None
    currency: Text | None = None


class GivenSuppression(StrictModel):
    """One row of a suppression list; without a time it holds from the start (L3)."""

    email: Text | None = None
    lead_id: Text | None = None
    """In place of the address: this lead's."""
    reason: Literal[tuple(reason.value for reason in SuppressionReason)] = "unsubscribed"  # ty: ignore[invalid-type-form]
    occurred_at: Moment | None = None
    topic: Text | None = None


class GivenEngagement(StrictModel):
    """What became of the last mail of that step to that lead."""

    lead_id: Text
    step: Identifier
    type: Literal[ENGAGEMENT_TYPES]  # ty: ignore[invalid-type-form]
    occurred_at: Moment
    topic: Text | None = None
    url: Text | None = None
    user_agent: Text | None = None
    bounce_class: Literal["hard", "soft"] | None = None


class GivenMember(StrictModel):
    """A member of a segment, for as long as that."""

    lead_id: Text
    entered_at: Moment | None = None
    left_at: Moment | None = None


def _as_member(value: Any) -> Any:
    text = written_text(value)
    return value if text is None else {"lead_id": text}


_Member = Annotated[GivenMember, BeforeValidator(_as_member, json_schema_input_type=Text | GivenMember)]
Members = Annotated[list[_Member], BeforeValidator(listed, json_schema_input_type=Text | list[_Member])]
"""Ids of leads, or members with times."""


class Given(StrictModel):
    """The world of a test: what is landed, and segments and content in place of their models."""

    leads: list[GivenLead] = Field(min_length=1)
    events: list[GivenEvent] = Field(default_factory=list)
    suppressions: list[GivenSuppression] = Field(default_factory=list)
    engagement: list[GivenEngagement] = Field(default_factory=list)
    segments: dict[Text, Members] = Field(default_factory=dict)
    content: dict[Text, list[dict[str, Any]]] = Field(default_factory=dict)


class TicksEvery(StrictModel):
    """Ticks at the start and every so often after it, up to and including `until`."""

    every: Every
    until: Moment


def _ticks_kind(value: Any) -> str:
    return "listed" if isinstance(value, list) else "every"


Ticks = Annotated[
    Annotated[list[Moment], Tag("listed")] | Annotated[TicksEvery, Tag("every")],
    Discriminator(_ticks_kind),
]
"""The instants of ticks beside the start, or how often."""


class ExpectedMail(StrictModel):
    """A mail to a lead; what isn't given isn't compared."""

    lead_id: Text
    step: Identifier
    at: Moment | None = None
    variant: Identifier | None = None
    sender: Address | None = None
    subject: Line | None = None
    contains: Names = Field(default_factory=list)
    lacks: Names = Field(default_factory=list)


class ExpectedEnrollment(StrictModel):
    """An enrollment decision (E3)."""

    lead_id: Text
    at: Moment | None = None
    decision: Literal[
        "enrolled", "suppressed", "too_old", "outside_segments", "already_enrolled", "reentry"
    ] = "enrolled"  # fmt: skip
    arm: Literal["treatment", "control"] | None = None


class ExpectedSkip(StrictModel):
    """A step that is skipped (M6, M7, E9)."""

    lead_id: Text
    step: Identifier
    at: Moment | None = None
    reason: Literal["condition", "expired", "rollout", "asked_lately", "declined"] | None = None


class ExpectedExit(StrictModel):
    """An enrollment that ends early (L1)."""

    lead_id: Text
    at: Moment | None = None
    reason: Literal[
        "unsubscribed", "bounced", "complained", "converted", "exit_event", "replied", "left_segments", "archived"
    ]  # fmt: skip


class ExpectedCompletion(StrictModel):
    """An enrollment that has no step left (M1), or of control whose time is over (E8)."""

    lead_id: Text
    at: Moment | None = None


class Expect(StrictModel):
    """What must come out. A kind that is given is compared as a whole; an empty list is: none at all."""

    mails: list[ExpectedMail] | None = None
    enrollments: list[ExpectedEnrollment] | None = None
    skips: list[ExpectedSkip] | None = None
    exits: list[ExpectedExit] | None = None
    completed: list[ExpectedCompletion] | None = None


class SequenceTest(StrictModel):
    """One test: a world, ticks, and what must come out."""

    name: Line
    description: Text | None = None
    start: Instant
    """The first tick, and what +1d counts from."""
    active_from: Moment | None = None
    """In place of the file's (E2); without either the start is the first tick that sees the sequence active."""
    alongside: Names = Field(default_factory=list)
    """Other sequences that are active too."""
    given: Given
    ticks: Ticks | None = None
    """None: at every time that stands in the test from its start on, and a minute before each expected one."""
    expect: Expect


class TestsFile(StrictModel):
    """The whole of a `tests.yml`."""

    __test__ = False  # pytest would take it for a class of tests

    tests: list[SequenceTest] = Field(min_length=1)
