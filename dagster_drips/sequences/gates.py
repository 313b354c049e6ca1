"""What may stand under `gates` in `sequence.yml` and `project.yml` (G1): the gates that are no data tests.

Here belong shapes, and their form as rows of `raw.sequence_gate_limits`. What a gate finds is decided in dbt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model

from dagster_drips.sequences.fields import PositiveDuration, StrictModel

DEFAULT_MESSAGES = 500
"""Over how many messages of a sender a rate is taken, where the file says nothing."""


class SegmentChange(StrictModel):
    """How much of a segment may have come or gone within a span, as a share of who was in it before."""

    max: float = Field(ge=0)
    per: PositiveDuration


class RateLimit(StrictModel):
    """From which share of a sender's last messages on a gate warns, and from which it holds."""

    warn: float | None = Field(default=None, ge=0, le=1)
    stop: float = Field(ge=0, le=1)
    messages: int = Field(default=DEFAULT_MESSAGES, ge=1)


class _Ages(StrictModel):
    leads: PositiveDuration | None = None
    events: PositiveDuration | None = None
    engagement: PositiveDuration | None = None


if TYPE_CHECKING:
    Freshness = _Ages
else:
    # A key that Python keeps for itself.
    Freshness = create_model("Freshness", __base__=_Ages, **{"else": (Literal["wait", "continue"], "wait")})
    Freshness.__doc__ = "How old the newest row of a kind may be, and whether sequences wait where it is older."


class Gates(StrictModel):
    """Gates that are off unless they are set: for all sequences, or for one, whose own keys go first."""

    max_new_enrollments: int | None = Field(default=None, ge=0)
    """So many may enter a sequence at a tick."""
    segment_change: SegmentChange | None = None
    bounce_rate: RateLimit | None = None
    complaint_rate: RateLimit | None = None
    freshness: Freshness | None = None


GATE_KEYS = tuple(Gates.model_fields)
"""The gates that are no data tests, by name."""


def limits_of(project: Gates | None, sequence: Gates | None) -> list[dict[str, Any]]:
    """The rows of one sequence in `raw.sequence_gate_limits`, but for its id."""
    of_project, own = project or Gates(), sequence or Gates()
    chosen = {key: getattr(own, key) or getattr(of_project, key) for key in GATE_KEYS}
    if own.max_new_enrollments is not None:
        chosen["max_new_enrollments"] = own.max_new_enrollments
    rows: list[dict[str, Any]] = []
    if chosen["max_new_enrollments"] is not None:
        rows.append(_row("max_new_enrollments", stop_above=float(chosen["max_new_enrollments"])))
    if change := chosen["segment_change"]:
        rows.append(_row("segment_change", stop_above=float(change.max), span_seconds=change.per.total_seconds))
    for key in ("bounce_rate", "complaint_rate"):
        if rate := chosen[key]:
            warn = None if rate.warn is None else float(rate.warn)
            rows.append(_row(key, warn_above=warn, stop_above=float(rate.stop), messages=rate.messages))
    if freshness := chosen["freshness"]:
        for kind in _Ages.model_fields:
            if age := getattr(freshness, kind):
                goes_on = getattr(freshness, "else") == "continue"
                rows.append(_row("freshness", subject=kind, span_seconds=age.total_seconds, is_warning=goes_on))
    return rows


def _row(gate: str, **columns: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("subject", "warn_above", "stop_above", "span_seconds", "messages"))
    return {"gate": gate, **empty, "is_warning": False, **columns}
