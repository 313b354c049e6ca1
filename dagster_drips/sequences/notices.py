"""What may stand under `alerts` and `report` in `project.yml`: who of the project's own people is told what.

Here belong shapes. What is wrong is found by `pipeline.concerns`, told by the rooms `alerts` and `report`. Addresses of
alerts are secrets and stand in the environment.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from dagster_drips.sequences.fields import Address, Flag, Identifier, PositiveDuration, StrictModel, Weekday, listed
from dagster_drips.vocabulary import ConcernKind, ConcernLevel


class AlertTarget(StrictModel):
    """Who is told, at `DRIPS_ALERT_URL_<TARGET>`."""

    level: ConcernLevel = "error"
    """`error`: what stops something; `warning`: all."""
    kinds: Annotated[
        list[ConcernKind] | None,
        BeforeValidator(listed, json_schema_input_type=ConcernKind | list[ConcernKind] | None),
        Field(min_length=1),
    ] = None
    """Of which kinds; None: all."""
    resolved: Flag = False
    """Says also that it is over."""


class Alerts(StrictModel):
    """Who is told what went wrong, each thing once until it is over."""

    stopped_after: PositiveDuration | None = None
    """So long without a finished tick, ticks have stopped; None: three times of `DRIPS_SCHEDULE`, and 15 minutes."""
    targets: dict[Identifier, AlertTarget] = Field(min_length=1)


class Report(StrictModel):
    """The weekly report, sent from the default sender on that day from that hour on, in the project's time zone."""

    to: Annotated[
        list[Address],
        BeforeValidator(listed, json_schema_input_type=str | list[str]),
        Field(min_length=1),
    ]
    day: Weekday = "mon"
    hour: int = Field(default=8, ge=0, le=23)
