"""The kinds of values that sequence files are made of: durations, instants, times of day, names.

Each kind accepts what a person writes in YAML and what `model_dump_json` wrote of it, and serializes in one spelling,
so that two files that mean the same have one version. Which fields there are is `schema`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_serializer,
    model_validator,
)

from dagster_drips.field_names import field_name_problem
from dagster_drips.sequences.problems import nearest, suggestion
from dagster_drips.sequences.yaml_source import AmbiguousWord, written_text
from dagster_drips.time_zones import zone_names

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 1440
_LONGEST_DAYS = 36_525
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_ID = re.compile(r"[a-z0-9_-]+")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}([Tt ].+)?")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})")
_LINE_BREAK = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\.]+(\.[^\s@<>,;:\"()\[\]\\.]+)*")


class StrictModel(BaseModel):
    """A mapping with known keys; a key without a value counts as absent."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _absent(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, Mapping) else data


class Duration(StrictModel):
    """A span such as `{days: 1, hours: 6}`; a day is 24 hours. Fractions are fine as long as whole seconds come out."""

    weeks: float = Field(default=0, ge=0)
    days: float = Field(default=0, ge=0)
    hours: float = Field(default=0, ge=0)
    minutes: float = Field(default=0, ge=0)
    seconds: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> Duration:
        exact = self._exact()
        if exact > _LONGEST_DAYS * _SECONDS["days"]:
            raise ValueError(f"is longer than {_LONGEST_DAYS} days")
        if abs(exact - round(exact)) > 1e-6:
            raise ValueError("is no whole number of seconds")
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self.total_seconds == other.total_seconds

    def __hash__(self) -> int:
        return hash(self.total_seconds)

    @property
    def total_seconds(self) -> int:
        """The whole span in seconds."""
        return round(self._exact())

    @model_serializer
    def _canonical(self) -> dict[str, int]:
        return {"seconds": self.total_seconds}

    def _exact(self) -> float:
        return sum(getattr(self, unit) * seconds for unit, seconds in _SECONDS.items())


def _longer_than_nothing(value: Duration) -> Duration:
    if not value.total_seconds:
        raise ValueError("must be longer than nothing; write it like {days: 7}")
    return value


def _as_written(value: Any) -> Any:
    text = written_text(value)
    return value if text is None else text


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _one_line(value: str) -> str:
    if _LINE_BREAK.search(value):
        raise ValueError("must be one line, without line breaks; in YAML, quotes or '>-' keep it so")
    return value


def _is_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(f"'{value}' may only have the characters a-z, 0-9, _ and -")
    return value


def _is_address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"'{value}' is no mail address; write it like ada@acme.example")
    return value


def as_flag(value: Any) -> Any:
    """A truth value out of YAML's words for one; anything else stays what it is."""
    if isinstance(value, AmbiguousWord):
        return value.lower() in ("yes", "on", "y")
    return value


def instant_of(value: Any) -> datetime:
    """A time as naive UTC.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, datetime):
        parsed = value
    elif isinstance(value, str) and _INSTANT.fullmatch(value.strip()):
        try:
            parsed = datetime.fromisoformat(re.sub(r"\s+(?=[-+Zz])", "", value.strip()).upper())
        except ValueError:
            parsed = None
    else:
        parsed = None
    try:
        if parsed is not None and parsed.tzinfo is not None:
            return parsed.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        parsed = None
    if parsed is None:
        raise ValueError(f"'{_as_written(value)}' is no time; write it like 2026-01-01T00:00:00Z")
    return parsed


def _minutes(value: Any) -> Any:
    found = _TIME_OF_DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else None
    if minutes is None or minutes > MINUTES_A_DAY:
        raise ValueError(f"'{_as_written(value)}' is no time of day; write it like \"09:00\"")
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _starts_in_the_day(minutes: int) -> int:
    if minutes == MINUTES_A_DAY:
        raise ValueError("a window can't start at 24:00; write 00:00")
    return minutes


def _zone(value: str) -> str:
    if value in zone_names():
        return value
    close = nearest(value, zone_names()) or nearest(value, {name.rpartition("/")[2] for name in zone_names()})
    whole = next((name for name in sorted(zone_names()) if name == close or name.endswith(f"/{close}")), None)
    hint = f"; did you mean '{whole}'?" if whole else "; write an IANA name such as Europe/Berlin"
    raise ValueError(f"unknown time zone '{value}'{hint}")


def _zone_or_lead(value: str) -> str:
    return value if value == "lead" else _zone(value)


def _weekday(value: str) -> str:
    if value not in WEEKDAYS:
        raise ValueError(f"unknown day '{value}'{suggestion(value, WEEKDAYS)}")
    return value


def _json_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, AmbiguousWord):
        raise ValueError(
            f"'{value}' without quotes can be a truth value or a word; write true or false, or \"{value}\""
        )
    text = written_text(value)
    if text is None:
        raise ValueError("must be a text, a number, true or false: null, lists and mappings equal nothing (E1)")
    return text


def _field_name(value: str) -> str:
    if problem := field_name_problem(value):
        raise ValueError(f"the name of a field {problem}")
    return value


def listed(value: Any) -> Any:
    """One name as a list of it."""
    return value if isinstance(value, (list, Mapping)) or value is None else [value]


_WrittenId = Annotated[str, Field(pattern=f"^{_ID.pattern}$")]
_WrittenInstant = Annotated[str, Field(pattern=f"^\\s*{_INSTANT.pattern}\\s*$")]
_WrittenTime = Annotated[str, Field(pattern=f"^\\s*{_TIME_OF_DAY.pattern}\\s*$")]

PositiveDuration = Annotated[Duration, AfterValidator(_longer_than_nothing)]
"""A span of a second at least."""
Text = Annotated[
    str, BeforeValidator(_as_written, json_schema_input_type=str | int | float), AfterValidator(_not_blank)
]
"""Text that says something; a number counts as written."""
Line = Annotated[Text, AfterValidator(_one_line)]
"""Text without line breaks."""
Identifier = Annotated[
    str, BeforeValidator(_as_written, json_schema_input_type=_WrittenId | int), AfterValidator(_is_id)
]
"""A step's or variant's id: `[a-z0-9_-]+`."""
Address = Annotated[str, AfterValidator(_is_address)]
"""A mail address without a name."""
Flag = Annotated[bool, BeforeValidator(as_flag, json_schema_input_type=bool | Literal["yes", "no", "on", "off"])]
"""true or false; yes, no, on and off as older YAML has them."""
Instant = Annotated[datetime, BeforeValidator(instant_of, json_schema_input_type=_WrittenInstant)]
"""Naive UTC; a date alone is its midnight."""
TimeOfDay = Annotated[int, BeforeValidator(_minutes, json_schema_input_type=_WrittenTime), PlainSerializer(_clock)]
"""Minutes since midnight, 0 to 1440; written "09:00"."""
StartOfDay = Annotated[TimeOfDay, AfterValidator(_starts_in_the_day)]
"""A time of day before 24:00."""
Weekday = Annotated[str, AfterValidator(_weekday), Field(json_schema_extra={"enum": list(WEEKDAYS)})]
"""mon … sun."""
TimeZone = Annotated[str, AfterValidator(_zone)]
"""An IANA name."""
TimeZoneOrLead = Annotated[str, AfterValidator(_zone_or_lead)]
"""An IANA name, or `lead`: each lead's own."""
JsonText = Annotated[str, BeforeValidator(_json_text, json_schema_input_type=str | int | float | bool)]
"""A scalar as JSON text: strings bare, numbers as written (E1)."""
FieldName = Annotated[str, AfterValidator(_field_name)]
"""What a custom field of leads may be called."""
Names = Annotated[list[Text], BeforeValidator(listed, json_schema_input_type=Text | list[Text])]
"""One name or a list of them."""
