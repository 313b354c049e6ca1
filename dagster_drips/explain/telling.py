"""Answers as text and as JSON, with the person's own times beside UTC.

Here belongs layout alone: sentences come from `marts.explanations`, whose facts are told line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from dagster_drips.clock import format_instant
from dagster_drips.explain.asking import Answer, LeadAnswer, rejection
from dagster_drips.explain.explanation import Explanation
from dagster_drips.time_zones import zones

_INSTANT = re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_OPEN = ("waiting", "due", "in_doubt")
_LONGEST = 200
_MOST_REJECTED = 5
_TIMES = ("decided_at", "scheduled_at", "next_at")


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer for scripts: instants in UTC as the contract spells them, and `…_local` by the lead's own clocks."""
    return {
        "as_of": answer.as_of,
        "is_published": answer.is_published,
        "leads": [
            {
                "lead_id": lead.lead_id,
                "timezone": _zone_name(lead),
                "occurrences": [
                    _with_local(row, ("occurred_at", "decided_at"), _zone(lead)) for row in lead.occurrences
                ],
                "explanations": [_with_local(asdict(one), _TIMES, _zone(lead)) for one in lead.explanations],
                "content": [_with_local(row, ("as_of",), _zone(lead)) for row in lead.content],
                "rejected": lead.rejected,
            }
            for lead in answer.leads
        ],
    }


def as_text(answer: Answer) -> list[str]:
    """The answer for people, line by line."""
    lines = []
    if answer.is_published:
        lines.append("a tick is running; as published after the one before:")
    for lead in answer.leads:
        zone = _zone_name(lead)
        own = f", times in parentheses are those of {zone}" if zone not in (None, "UTC") else ""
        told = [f"lead {lead.lead_id} as of the tick {format_instant(answer.as_of)}{own}"]
        told += [f"  {rejection(row)}" for row in lead.rejected[:_MOST_REJECTED]]
        if (more := len(lead.rejected) - _MOST_REJECTED) > 0:
            told.append(f"  {more} more such rows; --json has them")
        for sequence_id, group in groupby(lead.explanations, key=lambda one: one.sequence_id):
            explanations = list(group)
            told += ["", *_of_sequence(sequence_id, explanations)]
            told += list(_of_occurrences(row for row in lead.occurrences if row["sequence_id"] == sequence_id))
            for enrollment_id, steps in groupby(explanations, key=lambda one: one.enrollment_id):
                shown = {
                    row["step_id"]: row["content"] for row in lead.content if row["enrollment_id"] == enrollment_id
                }
                told += list(_of_enrollment(enrollment_id, list(steps), shown))
        lines += [*([""] if lines else []), *(_with_own_times(line, _zone(lead)) for line in told)]
    return lines


def _of_sequence(sequence_id: str, explanations: list[Explanation]) -> Iterator[str]:
    facts = explanations[0].facts
    sequence, trigger = facts["sequence"], facts["trigger"]
    yield f"{sequence_id}: {sequence['status']}" + (
        "" if sequence["is_running"] or sequence["status"] != "active" else ", counts as paused"
    )
    last = f", last {trigger['last_at']}" if trigger["last_at"] else ", never"
    opens = f"; open since {sequence['opens_at']}" if sequence["opens_at"] else ""
    yield f"  trigger {trigger['what']}{last}{opens}"
    for segment in facts["segments"]:
        since = f" since {segment['since']}" if segment["since"] else ""
        asked = f" (asked {segment['refreshed_at']})" if segment["refreshed_at"] else ""
        is_member = f"member{since}" if segment["is_member"] else "no member"
        yield f"  {segment['role']} {segment['segment']}: {is_member}{asked}"
    for suppression in facts["suppressions"]:
        topic = f" of {suppression['topic']}" if suppression["topic"] else ""
        since = f" since {suppression['since']}" if suppression["since"] else ""
        yield f"  suppressed: {suppression['reason']}{topic}{since} ({suppression['source']})"
    if facts["rollout"]["share"] is not None:
        yield f"  rollout {facts['rollout']['share']}: {'let in' if facts['rollout']['is_let_in'] else 'not let in'}"


def _of_occurrences(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        judged = f" at {format_instant(_whole(row['decided_at']))}" if row["decided_at"] else ""
        occurred = format_instant(_whole(row["occurred_at"]))
        yield f"  occurrence {row['occurrence_id']} of {occurred}: {row['decision']}{judged}"


def _of_enrollment(
    enrollment_id: str | None, steps: list[Explanation], shown: Mapping[str, dict[str, Any]]
) -> Iterator[str]:
    if enrollment_id is None:
        # All steps are told alike.
        yield f"  {_verdict(steps[0])}"
        yield f"    {steps[0].text}"
        return
    enrollment = steps[0].facts["enrollment"]
    closed = f" at {enrollment['closed_at']}" if enrollment["closed_at"] else ""
    why = f" ({enrollment['exit_reason']})" if enrollment["exit_reason"] else ""
    yield f"  entered at {enrollment['enrolled_at']}, {enrollment['arm']}: {enrollment['status']}{why}{closed}"
    for step in steps:
        yield f"    {step.step_id}: {_verdict(step)}"
        yield f"      {step.text}"
        for model, rows in shown.get(step.step_id or "", {}).items():
            yield f"      content.{model}: {_short(json.dumps(rows, ensure_ascii=False))}"
        if step.state in _OPEN:
            yield from (f"      {line}" for line in _open_facts(step.facts))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text)} characters; --json has them all)"


def _verdict(one: Explanation) -> str:
    reason = f", {one.reason}" if one.reason and one.reason != one.state else ""
    rule = f" ({one.rule})" if one.rule else ""
    return f"{one.state}{reason}{rule}"


def _open_facts(facts: dict[str, Any]) -> Iterator[str]:
    schedule, window, cap = facts["schedule"], facts["window"], facts["frequency_cap"]
    yield f"window {window['send_window']} in {window['timezone']}"
    if schedule["expires_at"]:
        yield f"expires at {schedule['expires_at']}"
    for condition in facts["conditions"]:
        met = "yes" if condition["is_met"] else "no"
        yield f"{condition['polarity']} {condition['kind']} {condition['value']}: {met}"
    if cap["messages"] is not None and not cap["is_exempt"]:
        mails = ", ".join(f"{mail['sequence_id']}/{mail['step_id']} {mail['sent_as_of']}" for mail in cap["counted"])
        free = f"; free again {cap['free_at']}" if cap["free_at"] else ""
        yield f"cap {len(cap['counted'])} of {cap['messages']}{': ' + mails if mails else ''}{free}"
    if facts["rollout"]["step_share"] is not None:
        let_in = "let in" if facts["rollout"]["is_step_let_in"] else "not let in"
        yield f"rollout {facts['rollout']['step_share']}: {let_in}"


# Times ---------------------------------------------------------------------------------------------------------------


def _zone_name(lead: LeadAnswer) -> str | None:
    """The zone that counts for the lead (M5): its own, where that is one, else the project's."""
    return lead.explanations[0].facts["lead"]["timezone"] if lead.explanations else None


def _zone(lead: LeadAnswer) -> ZoneInfo | None:
    name = _zone_name(lead)
    return None if name in (None, "UTC") else zones().get(name or "")


def _with_local(row: dict[str, Any], times: Iterable[str], zone: ZoneInfo | None) -> dict[str, Any]:
    local = {
        f"{name}_local": None if row[name] is None else _local(row[name], zone).isoformat(timespec="seconds")
        for name in times
    }
    return {**row, **local}


def _with_own_times(line: str, zone: ZoneInfo | None) -> str:
    if zone is None:
        return line

    def both(match: re.Match[str]) -> str:
        instant = datetime.fromisoformat(match[0]).replace(tzinfo=None)
        return f"{match[0]} ({_local(instant, zone):%a %d %b %H:%M})"

    return _INSTANT.sub(both, line)


def _local(instant: datetime, zone: ZoneInfo | None) -> datetime:
    return instant.replace(tzinfo=UTC).astimezone(zone or UTC)


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)
