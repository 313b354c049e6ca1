"""What wants somebody's look, out of the facts of `drips status`: its sentences, and what alerts tell.

Here belong the kinds and the words. What there is to know is asked in `status`; whom a concern is told, and that it is
told once, is `alerts`'. No text names a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dagster_drips.clock import format_instant
from dagster_drips.pipeline.status import Facts
from dagster_drips.vocabulary import ConcernKind, ConcernLevel


@dataclass(frozen=True)
class Concern:
    """One thing that wants a look.

    Args:
        kind: what sort of thing it is.
        key: names it for as long as it lasts, whatever its text counts.
        level: an error stops something; a warning doesn't.
        text: one line.
        is_settled: somebody knows and has let it go on (a waiver): shown, and told nobody.
    """

    kind: ConcernKind
    key: str
    level: ConcernLevel
    text: str
    is_settled: bool = False


def concerns_of(facts: Facts) -> list[Concern]:
    """All of them, in the order in which `drips status` tells them; one for what a tick left in doubt."""
    ticks = facts["ticks"]
    live = "decided_sequences" if ticks and facts["decided_sequences"] else "sequences"
    return [
        *(concern for row in facts[live] for concern in _of_sequence(row)),
        *(
            _error("files", f"segment:{row['file']}", f"{row['file']}: {row['reason']}")
            for row in facts["segment_failures"]
        ),
        *(
            _error("files", f"intake:{row['file']}", f"{row['file']}: {row['reason']}")
            for row in facts.get("intake_problems", [])
        ),
        *(_absent(row) for row in facts.get("absent_leads", [])),
        *(_gate(row) for row in facts["gates"]),
        *(_stop(row) for row in facts["stops"]),
        *_in_doubt(facts["in_doubt"]),
        *(_error("journal", f"loss:{row['problem']}", row["problem"]) for row in facts.get("losses", [])),
    ]


def _error(kind: ConcernKind, key: str, text: str) -> Concern:
    return Concern(kind, key, "error", text)


def _of_sequence(row: dict[str, Any]) -> list[Concern]:
    sequence_id = row["sequence_id"]
    name, found = f"sequence {sequence_id}", []
    if segment := row["segment_without_result"]:
        key = f"sequence:{sequence_id}:segment"
        found.append(_error("files", key, f"{name} is paused: segment {segment} has no result"))
    if row["file_state"] == "invalid":
        text = f"{name} goes on as it last validly was: its file doesn't validate; see `drips validate`"
        found.append(_error("files", f"sequence:{sequence_id}:invalid", text))
    if row["file_state"] == "deleted":
        found.append(_error("files", f"sequence:{sequence_id}:deleted", f"{name} is paused: its file is gone"))
    return found


def _gate(row: dict[str, Any]) -> Concern:
    key, held = f"gate:{row['sequence_id']}:{row['gate']}", f"sequence {row['sequence_id']}"
    if row["waived_until"]:
        until = format_instant(row["waived_until"])
        waived = f"waived until {until} by {row['waived_by']}, {row['waived_because']}"
        text = f"{held} goes on though {row['reason']}: {waived}"
        return Concern("gates", f"{key}:waived", "warning", text, is_settled=True)
    if not row["is_holding"]:
        return Concern("gates", f"{key}:warns", "warning", f"{held} is warned: {row['reason']}")
    waive = f"`drips waive {row['gate']} --sequence {row['sequence_id']}` lets it go"
    return _error("gates", f"{key}:holds", f"{held} is held: {row['reason']}; {waive}")


def _absent(row: dict[str, Any]) -> Concern:
    text = f"leads that are in their intake model no more wait to be erased: {row['leads']}; `drips forget --absent`"
    return Concern("files", "intake:absent", "warning", text)


def _stop(row: dict[str, Any]) -> Concern:
    left = f", {row['left_due']} messages stay due" if row["left_due"] else ""
    return _error("stopped_sending", f"stop:{row['subject']}", f"sending stopped{left}: {row['reason']}")


def _in_doubt(rows: list[dict[str, Any]]) -> list[Concern]:
    by_tick: dict[Any, int] = {}
    for row in rows:
        by_tick[row["sent_as_of"]] = by_tick.get(row["sent_as_of"], 0) + 1
    return [
        _error(
            "in_doubt",
            f"in_doubt:{format_instant(as_of)}",
            f"{count} messages of the tick of {format_instant(as_of)} are in doubt and hold their enrollments until"
            " somebody says what became of them: `drips resolve`",
        )
        for as_of, count in by_tick.items()
    ]
