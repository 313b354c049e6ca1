"""A sequence's definition as rows of the `raw` tables that dbt reads.

Only a change of form: durations to seconds, a window to minutes, lists to rows, each default written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster_drips.sequences.fields import MINUTES_A_DAY, WEEKDAYS, Duration
from dagster_drips.sequences.gates import limits_of
from dagster_drips.sequences.schema import Attribution, ProjectSettings, Sender, Sequence
from dagster_drips.sequences.senders import DEFAULT_SERVER, Identity, Rate, Senders
from dagster_drips.sequences.step_content import content_of_step, may_decline

Rows = dict[str, list[dict[str, Any]]]
"""Table → its rows."""

TABLES = (
    "raw.project_settings", "raw.sequences", "raw.sequence_steps", "raw.step_variants", "raw.step_conditions",
    "raw.step_content", "raw.sequence_segments", "raw.sequence_predicates", "raw.sequence_exit_events",
    "raw.sequence_gate_limits",
    "raw.sender_identities", "raw.recipient_domains",
)  # fmt: skip
"""The tables that follow from the live definitions alone; `raw.retired_steps` needs history as well."""


@dataclass(frozen=True)
class LiveSequence:
    """A sequence as this tick has it (S1, S2): which version, the status and state that count for it, its templates."""

    sequence_id: str
    version_id: str
    status: str
    file_state: str
    sequence: Sequence
    files: Mapping[str, str] = field(default_factory=dict)


def rows_of(live: list[LiveSequence], settings: ProjectSettings, senders: Senders) -> Rows:
    """All rows of `TABLES` for what is live."""
    rows: Rows = {table: [] for table in TABLES}
    cap, soft = settings.frequency_cap, settings.soft_bounces
    attribution = settings.attribution or Attribution()
    rows["raw.project_settings"].append(
        {
            "timezone": settings.timezone,
            "cap_messages": cap.messages if cap else None,
            "cap_per_seconds": cap.per.total_seconds if cap else None,
            "max_per_tick": settings.max_per_tick,
            "servers": _server_names(senders.servers),
            "soft_bounce_count": soft.count if soft else None,
            "soft_bounce_over_seconds": soft.over.total_seconds if soft else None,
            "page_leads": settings.page_leads or "wait",
            "page_events": settings.page_events or "all",
            "attribution_click_seconds": _seconds(attribution.click_window),
            "attribution_open_seconds": _seconds(attribution.open_window),
            "attribution_half_life_seconds": attribution.half_life.total_seconds,
        }
    )
    rows["raw.sender_identities"].extend(
        _identity_row(sender_id, identity, senders) for sender_id, identity in sorted(senders.senders.items())
    )
    rows["raw.recipient_domains"].extend(
        {"domain": domain, **_rate_columns(limits.rate), "connections": limits.connections}
        for domain, limits in sorted(senders.domains.items())
    )
    for one in sorted(live, key=lambda one: one.sequence_id):
        rows["raw.sequences"].append(_sequence_row(one, settings))
        _add_steps(rows, one)
        _add_lists(rows, one)
        rows["raw.sequence_gate_limits"].extend(
            {"sequence_id": one.sequence_id, **row} for row in limits_of(settings.gates, one.sequence.gates)
        )
    return rows


def _sequence_row(live: LiveSequence, settings: ProjectSettings) -> dict[str, Any]:
    sequence = live.sequence
    trigger, exits, window = sequence.trigger, sequence.exit_on, sequence.send_window
    sender = sequence.sender if isinstance(sequence.sender, Sender) else None
    days = window.days if window and window.days else WEEKDAYS
    after = sequence.reentry if isinstance(sequence.reentry, Duration) else None
    return {
        "sequence_id": live.sequence_id,
        "version_id": live.version_id,
        "name": sequence.name,
        "status": live.status,
        "file_state": live.file_state,
        "active_from": sequence.active_from,
        "trigger_kind": trigger.kind,
        "trigger_event": trigger.event if trigger.kind == "event" else None,
        "trigger_segment": trigger.segment_entered,
        "include_existing": trigger.include_existing,
        "lookback_seconds": trigger.lookback.total_seconds,
        "trigger_max_age_seconds": _seconds(trigger.trigger_max_age),
        "reentry": "after" if after else sequence.reentry,
        "reentry_seconds": _seconds(after),
        "holdout": float(sequence.holdout),
        "project_holdout": float(settings.holdout),
        "rollout": sequence.rollout,
        "exits_on_goal": exits.goal,
        "exits_on_reply": exits.replied,
        "exits_on_leaving_segments": exits.leaves_segments,
        "sender_name": sender.name if sender else None,
        "sender_email": sender.email if sender else None,
        "sender_reply_to": sender.reply_to if sender else None,
        "sender_max_per_tick": sender.max_per_tick if sender else None,
        "window_days": "".join("1" if day in days else "0" for day in WEEKDAYS),
        "window_start_minute": window.start if window else 0,
        "window_end_minute": window.end if window else MINUTES_A_DAY,
        "window_timezone": (window.timezone if window else None) or settings.timezone,
        "priority": sequence.effective_priority,
        "topic": sequence.topic,
        "transactional": sequence.transactional,
        "confirmation": sequence.confirmation is True,
    }


def _identity_row(sender_id: str, identity: Identity, senders: Senders) -> dict[str, Any]:
    dkim, warmup = identity.dkim, identity.warmup
    return {
        "sender_id": sender_id,
        "address": identity.address,
        "name": identity.name,
        "email": identity.email,
        "reply_to": identity.reply_to,
        "servers": _server_names(identity.servers or senders.servers),
        "return_path": identity.return_path,
        "verp": identity.verp,
        "dkim_domain": (dkim.domain or identity.address.rpartition("@")[2].lower()) if dkim else None,
        "dkim_selector": dkim.selector if dkim else None,
        **_rate_columns(identity.rate),
        "connections": identity.connections,
        "warmup_start": warmup.start if warmup else None,
        "warmup_growth": float(warmup.growth) if warmup else None,
        "max_per_tick": identity.max_per_tick,
    }


def _server_names(names: list[str] | None) -> list[str]:
    return list(dict.fromkeys(names or [DEFAULT_SERVER]))


def _rate_columns(rate: Rate | None) -> dict[str, int | None]:
    return {
        "rate_messages": rate.messages if rate else None,
        "rate_per_seconds": rate.per.total_seconds if rate else None,
    }


def _add_steps(rows: Rows, live: LiveSequence) -> None:
    for position, step in enumerate(live.sequence.steps, start=1):
        key = {"sequence_id": live.sequence_id, "step_id": step.id}
        rows["raw.sequence_steps"].append(
            {
                **key,
                "position": position,
                "delay_seconds": step.delay.total_seconds,
                "after_trigger": step.after == "trigger",
                "expires_after_seconds": _seconds(step.expires_after),
                "rollout": step.rollout,
                "may_decline": may_decline(step, live.files),
            }
        )
        rows["raw.step_content"].extend({**key, "content": name} for name in content_of_step(step, live.files))
        rows["raw.step_variants"].extend(
            {**key, "variant_id": variant.id, "position": place, "weight": float(variant.weight)}
            for place, variant in enumerate(step.variants or (), start=1)
        )
        rows["raw.step_conditions"].extend(
            {**key, "polarity": polarity, "kind": kind, "value": value}
            for polarity, conditions in (("only_if", step.only_if), ("unless", step.unless))
            for kind, value in conditions.listed()
        )


def _add_lists(rows: Rows, live: LiveSequence) -> None:
    sequence, key = live.sequence, {"sequence_id": live.sequence_id}
    rows["raw.sequence_segments"].extend(
        {**key, "role": role, "segment": segment}
        for role, names in (("include", sequence.segments.include), ("exclude", sequence.segments.exclude))
        for segment in dict.fromkeys(names)
    )
    # Goals are read from the versions: an enrollment keeps that of the one that enrolled it (L2).
    rows["raw.sequence_predicates"].extend(
        {**key, "role": "trigger", "property": name, "value": value} for name, value in sequence.trigger.where.items()
    )
    rows["raw.sequence_exit_events"].extend({**key, "event": event} for event in dict.fromkeys(sequence.exit_on.events))


def _seconds(duration: Duration | None) -> int | None:
    return duration.total_seconds if duration else None
