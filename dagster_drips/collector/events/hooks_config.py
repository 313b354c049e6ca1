"""What may stand in `sequences/hooks.yml`: how JSON that others post to `/hooks/<name>` becomes events.

Here belong its shape, and reading it with every mistake reported by its line. Checking signatures and making rows is
in `hooks`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import HOOKS_FILE
from dagster_drips.sequences.fields import Duration, Flag, Identifier, JsonText, Line, StrictModel, Text, listed
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.reading import Reading
from dagster_drips.vocabulary import LEAD_CREATED

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FORMATS = ("iso", "unix", "unix_ms")


@dataclass(frozen=True)
class Place:
    """Where a value stands: in the item, in the whole body, or in a header of the request."""

    source: Literal["item", "body", "header"]
    keys: tuple[str, ...]


def place(written: Any) -> Place:
    """The place that a path names: `customer.id`, `$.order.id`, `@X-Topic`, or a list of keys where one has a dot.

    Raises:
        ValueError: it is no path.
    """
    if isinstance(written, Place):
        return written
    if isinstance(written, list) and written and all(isinstance(key, (str, int)) for key in written):
        keys = tuple(str(key) for key in written)
    elif isinstance(written, str) and written.startswith("@"):
        if not _HEADER.fullmatch(written[1:]):
            raise ValueError(f"'{written}' names no header; write it like @X-Topic")
        return Place("header", (written[1:].lower(),))
    elif isinstance(written, str) and written.strip():
        keys = tuple(written.split("."))
    else:
        raise ValueError("must be a path such as customer.id, $.order.id or @X-Topic, or a list of keys")
    source: Literal["item", "body"] = "body" if keys[0] == "$" else "item"
    keys = keys[1:] if source == "body" else keys
    if not all(keys):
        raise ValueError(f"'{written}' is no path: a key is empty")
    return Place(source, keys)


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError(f"'{value}' is no name of a header")
    return value.lower()


def _time_format(value: str) -> str:
    if value not in _FORMATS and "%" not in value:
        raise ValueError(f"'{value}' is no format; write iso, unix, unix_ms, or a pattern such as \"%d.%m.%Y %H:%M\"")
    return value


def _event_name(value: str) -> str:
    if value == LEAD_CREATED:
        raise ValueError(f"no event may be named {LEAD_CREATED}: it is the built-in trigger")
    return value


def _short_for(key: str, written: Any) -> BeforeValidator:
    """A bare value stands for a mapping with this one key; `written` is what editors are told of both."""
    return BeforeValidator(
        lambda value: value if isinstance(value, Mapping) else {key: value}, json_schema_input_type=written
    )


PlaceField = Annotated[Place, BeforeValidator(place, json_schema_input_type=str | list[str | int])]
"""A path."""
JsonTexts = Annotated[list[JsonText], BeforeValidator(listed, json_schema_input_type=JsonText | list[JsonText])]
"""One value or a list of them."""
Header = Annotated[str, AfterValidator(_header)]
"""A header's name, in lower case."""


class SignatureParts(StrictModel):
    """Names of the parts of a header like `t=1700000000,v1=…`; what is signed is then `<timestamp>.<body>`."""

    timestamp: Line
    signature: Line
    tolerance: Duration = Field(default_factory=lambda: Duration(minutes=5))
    """How far the signed time, seconds since 1970, may lie from the clock."""


class Signature(StrictModel):
    """HMAC-SHA256 of the body with the hook's secret, in a header."""

    header: Header
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    parts: SignatureParts | None = None


class SharedSecret(StrictModel):
    """The hook's secret itself in a header."""

    header: Header
    prefix: str = ""


class EventName(StrictModel):
    """What the event is called: always `name`, or the text at `path`."""

    name: Annotated[Text, AfterValidator(_event_name)] | None = None
    path: PlaceField | None = None

    @model_validator(mode="after")
    def _one(self) -> EventName:
        if (self.name is None) == (self.path is None):
            raise ValueError("needs a name, or {path: …}")
        return self


class Time(StrictModel):
    """Where a time stands and how it is written: `iso` takes ISO 8601 and numbers of (milli)seconds since 1970."""

    path: PlaceField
    format: Annotated[str, AfterValidator(_time_format)] = "iso"


class EventRule(StrictModel):
    """One event, or with `each` one for every item of a list. Paths start at the item, those with `$.` at the body."""

    event: Annotated[EventName, _short_for("name", EventName | str)]
    lead_id: PlaceField
    event_id: PlaceField | None = None
    occurred_at: Annotated[Time, _short_for("path", Time | str)] | None = None
    when: dict[
        str, Annotated[list[JsonText], BeforeValidator(listed, json_schema_input_type=JsonText | list[JsonText])]
    ] = Field(default_factory=dict)
    each: PlaceField | None = None
    properties: Annotated[
        dict[str, PlaceField] | None,
        BeforeValidator(
            lambda value: None if value == "all" else value,
            json_schema_input_type=dict[str, PlaceField] | Literal["all"] | None,
        ),
    ] = None
    value: PlaceField | None = None
    currency: PlaceField | None = None

    @model_validator(mode="after")
    def _paths(self) -> EventRule:
        for path in self.when:
            place(path)
        return self

    @property
    def places(self) -> list[Place]:
        """Every place that the rule looks at."""
        named = (self.event.path, self.lead_id, self.event_id, self.each, self.value, self.currency)
        times = [self.occurred_at.path] if self.occurred_at else []
        found = [*named, *times, *(self.properties or {}).values(), *(place for place, _ in self.conditions)]
        return [place for place in found if place is not None]

    @property
    def conditions(self) -> list[tuple[Place, list[str]]]:
        """`when`: the places, and the texts of which one has to stand there."""
        return [(place(path), texts) for path, texts in self.when.items()]


class Hook(StrictModel):
    """One sender of JSON: how it proves itself, and what its JSON means."""

    signature: Signature | None = None
    secret: SharedSecret | None = None
    open: Flag = False
    events: list[EventRule] = Field(min_length=1)

    @model_validator(mode="after")
    def _proves_itself(self) -> Hook:
        if (self.signature is not None) + (self.secret is not None) + self.open != 1:
            raise ValueError("needs one of signature, secret, and open: true (anybody may post)")
        read = {place.keys[0] for rule in self.events for place in rule.places if place.source == "header"}
        if self.secret is not None and self.secret.header in read:
            raise ValueError(f"a rule reads @{self.secret.header}, so the secret would stand in every event")
        return self


class HooksFile(StrictModel):
    """The whole file."""

    hooks: dict[Identifier, Hook] = Field(default_factory=dict)


def read_hooks(content: bytes, file: str = f"sequences/{HOOKS_FILE}") -> tuple[dict[str, Hook], list[Problem]]:
    """The hooks by name, and what is wrong with the file; with an error there are no hooks."""
    reading = Reading(file, content)
    found = reading.validated(HooksFile) if reading.document else None
    return (found.hooks if found and not reading.is_broken else {}), reading.problems


def hook_problems(project: Project) -> list[Problem]:
    """What is wrong with the project's file, for `drips validate`; nothing where there is none."""
    try:
        return read_hooks((project.sequences / HOOKS_FILE).read_bytes())[1]
    except FileNotFoundError:
        return []
    except OSError as error:
        return [Problem(f"sequences/{HOOKS_FILE}", None, f"can't be read: {error.strerror}")]


def load_hooks(project: Project) -> dict[str, Hook]:
    """The project's hooks; none without the file.

    Raises:
        DripsError: the file can't be read, or the first mistake in it.
    """
    for problem in hook_problems(project):
        if problem.severity == "error":
            raise DripsError(problem.message, file=problem.file, line=problem.line)
    path = project.sequences / HOOKS_FILE
    return read_hooks(path.read_bytes())[0] if path.exists() else {}
