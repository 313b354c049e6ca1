"""Why a lead did or did not get something, in a line, with the id of the rule: from what the tick itself says.

Only telling belongs here: every reason comes from the models and the journal. `drips explain` tells more of a lead,
from marts that a test's ticks don't build.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dagster_drips.clock import format_instant
from dagster_drips.pipeline.reasons import REASONS
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("reasons.sql"))


def why(warehouse: Warehouse, sequence_id: str, lead_id: str, step: str | None) -> str:
    """What the last tick says of this lead in this sequence, and of that step where one is named.

    Args:
        warehouse: as the tick left it.
        sequence_id: the sequence.
        lead_id: the lead.
        step: the step that was or was not mailed or skipped; None: it is about entering or leaving.
    """
    key = {"sequence_id": sequence_id, "lead_id": lead_id}
    paused = warehouse.rows(_STATEMENTS["paused"], {"sequence_id": sequence_id})
    if paused:
        return f"the sequence counts as paused: segment {paused[0]['segment_without_result']} has no result (E5)"
    if step is not None and (told := _of_step(warehouse, key, step)):
        return told
    decisions = warehouse.rows(_STATEMENTS["decisions"], key)
    # Of a step, the enrollment that it belongs to says more than a later occurrence that was turned away.
    enrolled = [row for row in decisions if row["decision"] == "enrolled"] if step is not None else []
    if decided := enrolled or decisions:
        return _of_decision(warehouse, key, decided[0])
    if warehouse.rows(_STATEMENTS["occurrences"], key)[0]["occurrences"]:
        return f"{lead_id} waits to be judged: an address, or the rollout (E3, E9)"
    return f"nothing that counts has triggered the sequence for {lead_id} by then (E1, E2)"


def _of_step(warehouse: Warehouse, key: dict[str, Any], step: str) -> str:
    """What is on record about the step, then what the tick says of it; empty where neither says anything."""
    skipped = warehouse.rows(_STATEMENTS["skipped"], {**key, "step": step})
    if skipped:
        at = format_instant(skipped[0]["resolved_at"])
        return f"step {step} was skipped at {at}: {_words(skipped[0]['reason'])}"
    states = {row["step_id"]: row for row in warehouse.rows(_STATEMENTS["next_steps"], key)}
    if step in states:
        return _of_state(states[step])
    sent = warehouse.rows(_STATEMENTS["sent"], {**key, "step": step})
    if sent:
        return f"step {step} was sent at {format_instant(sent[0]['as_of'])}, and is sent once (M1)"
    other = next(iter(states.values()), None)
    return f"the next step is another one (M1): {_of_state(other)}" if other else ""


def _of_state(row: dict[str, Any]) -> str:
    at = format_instant(row["scheduled_at"])
    if row["state"] == "due":
        return f"step {row['step_id']} was scheduled for {at}, and nothing stood against it (M2, M4)"
    if row["reason"] == "not_yet":
        return f"step {row['step_id']} is scheduled for {at} (M2)"
    return f"step {row['step_id']}, scheduled for {at}, waits for {_words(row['reason'])}"


def _of_decision(warehouse: Warehouse, key: dict[str, Any], row: dict[str, Any]) -> str:
    at = format_instant(row["decided_at"])
    lead_id = key["lead_id"]
    if row["decision"] != "enrolled":
        return f"{lead_id} was not let in at {at}: {_words(row['decision'])}"
    if row["status"] == "exited":
        return f"{lead_id} left at {format_instant(row['closed_at'])}: {_words(row['exit_reason'])}"
    if row["arm"] == "control":
        return f"{lead_id} was enrolled at {at} and is held out: control is sent nothing (E8)"
    if row["status"] == "completed":
        return f"{lead_id} completed at {format_instant(row['closed_at'])}: no step was left (M1)"
    states = warehouse.rows(_STATEMENTS["next_steps"], key)
    told = f"; {_of_state(states[0])}" if states else ""
    return f"{lead_id} was enrolled at {at} (E3), and nothing of L1 ends it{told}"


def _words(reason: str) -> str:
    return REASONS.get(reason, reason)
