"""What may stand in `sequence.yml` and `project.yml`: the contract's keys, types, defaults and bounds.

Here belong shapes. What must fit together across keys is in `checks`, how files are found and read in `catalog`; what
the values mean to a lead is decided in dbt. A definition survives
`Sequence.model_validate_json(sequence.model_dump_json())`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from dagster_drips.field_names import MAX_FIELDS
from dagster_drips.sequences.fields import (
    MINUTES_A_DAY,
    Address,
    Duration,
    FieldName,
    Flag,
    Identifier,
    Instant,
    JsonText,
    Line,
    Names,
    PositiveDuration,
    StartOfDay,
    StrictModel,
    Text,
    TimeOfDay,
    TimeZone,
    TimeZoneOrLead,
    Weekday,
)
from dagster_drips.sequences.gates import Gates
from dagster_drips.sequences.notices import Alerts, Report
from dagster_drips.vocabulary import DEFAULT_TIMEZONE, LEAD_CREATED

DEFAULT_PRIORITY, TRANSACTIONAL_PRIORITY = 50, 100
"""Where the file gives none (F3)."""

FieldType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]


class Sender(StrictModel):
    """Who a mail is from; `max_per_tick` throttles the address (F2)."""

    name: Line | None = None
    email: Address
    reply_to: Address | None = None
    max_per_tick: int | None = Field(default=None, ge=1)


def _sender_kind(value: Any) -> str:
    return "identity" if isinstance(value, str) else "inline"


SenderChoice = Annotated[
    Annotated[str, Tag("identity")] | Annotated[Sender, Tag("inline")],
    Discriminator(_sender_kind),
]
"""The id of an identity in `senders.yml`, or a sender written out."""


class SendWindow(StrictModel):
    """When mail may go out, in local wall time (M5). `timezone` None: the project's."""

    days: list[Weekday] | None = Field(default=None, min_length=1)
    start: StartOfDay = 0
    end: TimeOfDay = MINUTES_A_DAY
    timezone: TimeZoneOrLead | None = None

    @property
    def open_minutes(self) -> int:
        """How long it is open on a day that has it, in minutes; `end == start` is the whole day."""
        return self.end - self.start if self.end > self.start else self.end - self.start + MINUTES_A_DAY


class Trigger(StrictModel):
    """What enrolls a lead (E1, E2): one of `event` and `segment_entered`."""

    event: Text | None = None
    where: dict[str, JsonText] = Field(default_factory=dict)
    segment_entered: Text | None = None
    include_existing: Flag = False
    lookback: Duration = Duration()
    trigger_max_age: Duration | None = None

    @property
    def kind(self) -> Literal["event", "lead_created", "segment_entered"]:
        """Which of the three kinds of trigger it is."""
        if self.segment_entered is not None:
            return "segment_entered"
        return "lead_created" if self.event == LEAD_CREATED else "event"


class Segments(StrictModel):
    """Who may enter: members of every `include` and of no `exclude` (E5)."""

    include: list[Text] = Field(default_factory=list)
    exclude: list[Text] = Field(default_factory=list)


class Goal(StrictModel):
    """What the sequence is for (L2)."""

    event: Text
    where: dict[str, JsonText] = Field(default_factory=dict)
    within: Duration | None = None


class ExitOn(StrictModel):
    """What ends an enrollment early, beside what always does (L1)."""

    events: list[Text] = Field(default_factory=list)
    leaves_segments: Flag = False
    goal: Flag = True
    replied: Flag = False


class Conditions(StrictModel):
    """Of `only_if` all must hold, of `unless` none (M6)."""

    segment: Names = Field(default_factory=list)
    event: Names = Field(default_factory=list)
    opened: Names = Field(default_factory=list)
    clicked: Names = Field(default_factory=list)

    def listed(self) -> list[tuple[str, str]]:
        """(kind, value) of each condition, each once."""
        kinds = ("segment", "event", "opened", "clicked")
        return list(dict.fromkeys((kind, value) for kind in kinds for value in getattr(self, kind)))


class Variant(StrictModel):
    """One of several mails that a step chooses from (M8)."""

    id: Identifier
    weight: float = Field(default=1.0, ge=0)
    subject: Line
    preview_text: Text | None = None
    template: Text
    attachments: Names | None = None
    """In place of the step's; None: the step's."""


class Step(StrictModel):
    """One mail: either `subject` and `template`, or `variants`. `tracking` None: as the sequence says."""

    id: Identifier
    delay: Duration = Duration()
    after: Literal["trigger"] | None = None
    only_if: Conditions = Conditions()
    unless: Conditions = Conditions()
    expires_after: Duration | None = None
    rollout: float | None = Field(default=None, ge=0, le=1)
    """The share of leads that get it (E9); None: everybody."""
    subject: Line | None = None
    preview_text: Text | None = None
    template: Text | None = None
    attachments: Names | None = None
    variants: list[Variant] | None = Field(default=None, min_length=1)


def _reentry_kind(value: Any) -> str:
    return "policy" if isinstance(value, str) else "after"


Reentry = Annotated[
    Annotated[Literal["never", "after_exit"], Tag("policy")] | Annotated[Duration, Tag("after")],
    Discriminator(_reentry_kind),
]
"""`never`, `after_exit`, or how long after the latest trigger (E6)."""


class Sequence(StrictModel):
    """The whole of a `sequence.yml`.

    What the catalog fills in: an empty `name` with the folder's, the id of an identity as `sender` with what that one
    says, `sender` and `send_window` None with the project's (no window for a transactional one, M5), `priority` None
    with `effective_priority`.
    """

    name: Line = ""
    status: Literal["draft", "active", "paused", "archived"] = "draft"
    active_from: Instant | None = None
    sender: SenderChoice | None = None
    trigger: Trigger
    segments: Segments = Segments()
    reentry: Reentry = "never"
    holdout: float = Field(default=0.0, ge=0, le=1)
    rollout: float | None = Field(default=None, ge=0, le=1)
    """The share of leads that may enter so far (E9); None: everybody."""
    goal: Goal | None = None
    exit_on: ExitOn = ExitOn()
    send_window: SendWindow | None = None
    priority: int | None = Field(default=None, ge=0, le=100)
    topic: Text | None = None
    transactional: Flag = False
    tracking: Flag | None = None
    confirmation: Flag | None = None
    """Asks people whom a page's form brought in whether the address is theirs; mails nobody else (E3)."""
    gates: Gates | None = None
    """Its own gates; keys that it lacks are the project's (G1)."""
    steps: list[Step] = Field(min_length=1)

    @property
    def effective_priority(self) -> int:
        """The priority that F3 sorts by: the file's own number, or the default of its kind."""
        if self.priority is not None:
            return self.priority
        return TRANSACTIONAL_PRIORITY if self.transactional else DEFAULT_PRIORITY


class FrequencyCap(StrictModel):
    """At most so many messages to one address in any span of that length (F1)."""

    messages: int = Field(ge=1)
    per: Duration


class SoftBounces(StrictModel):
    """How many soft bounces in which span count as a hard one."""

    count: int = Field(ge=1)
    over: Duration


class PlanLimits(StrictModel):
    """From where on `drips plan` says no."""

    max_new_enrollments: int | None = Field(default=None, ge=0)
    """So many people may enter a sequence whom the base leaves out."""
    max_change: float | None = Field(default=None, ge=0)
    """Such a share of the base's mails may differ."""


class Attribution(StrictModel):
    """Which messages a sale is credited to: how long before it a click or an open counts, none where that is 0 long.

    A window of None is what the dbt variable `attribution_days` says.
    """

    click_window: Duration | None = None
    open_window: Duration | None = None
    half_life: PositiveDuration = Duration(days=7)
    """Of the model `time_decay`."""


class ProjectSettings(StrictModel):
    """The whole of `sequences/project.yml`."""

    timezone: TimeZone = DEFAULT_TIMEZONE
    frequency_cap: FrequencyCap | None = None
    max_per_tick: int | None = Field(default=None, ge=1)
    holdout: float = Field(default=0.0, ge=0, le=1)
    sender: SenderChoice | None = None
    send_window: SendWindow | None = None
    fields: dict[FieldName, FieldType] = Field(default_factory=dict, max_length=MAX_FIELDS)
    soft_bounces: SoftBounces | None = None
    attribution: Attribution | None = None
    page_leads: Literal["wait", "confirm", "mail"] | None = None
    """When people whom only a page's form knows are mailed; None: they wait (E3)."""
    page_events: Literal["all", "verified"] | None = None
    """Which events of pages count; None: all."""
    plan: PlanLimits | None = None
    gates: Gates | None = None
    """Of all sequences (G1)."""
    alerts: Alerts | None = None
    report: Report | None = None
