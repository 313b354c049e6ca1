"""What must hold of steps that did not go out: each has a state with a reason, and the reason is true.

Here belong statements about what a tick said of every enrollment's next step; what went out is in `invariants`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from properties.facts import address
from properties.invariants import Outcome, Row, is_let_in, schedule, throttle
from properties.world import Definition, span


def every_step_that_is_not_sent_has_a_true_reason(outcome: Outcome) -> None:
    for number, told in _told(outcome):
        for row in outcome.enrollments.values():
            born, end = outcome.life(row)
            open_after_exits = born <= number and (end > number or (end == number and _completes(outcome, row)))
            # An edit may have taken away the steps that were left: then it completes at this tick.
            step = outcome.next_step(row, number, after=False) if open_after_exits else None
            expected = [step["id"]] if step and row["arm"] == "treatment" else []
            states = [state for state in told if state["enrollment_id"] == row["enrollment_id"]]
            assert [state["step_id"] for state in states] == expected, (row, number, states)
            if step is None:
                continue
            for state in states:
                let_in = is_let_in(step, row["sequence_id"], step["id"], row["lead_id"])
                assert _agrees(state, _obstacle(outcome, row, number, step), let_in), (state, number)
                _assert_told_what_happened(outcome, state, number)


def those_who_wait_for_a_limit_stand_behind_those_who_went(outcome: Outcome) -> None:
    """F1, F2, F3"""
    for number, told in _told(outcome):
        went = [state for state in told if state["state"] == "due"]
        for state in told:
            if state["reason"] == "throttle":
                sender = address(state["sender_email"])
                ahead = [one for one in went if address(one["sender_email"]) == sender]
                assert len(ahead) == throttle(outcome, sender, number), (state, number)
            elif state["reason"] == "frequency_cap":
                assert "frequency_cap" in outcome.world.settings and not state["transactional"], (state, number)
                ahead = [one for one in went if one["address"] == state["address"] and not one["transactional"]]
            else:
                continue
            assert all(_turn(outcome, one, number) < _turn(outcome, state, number) for one in ahead), (state, number)


def _told(outcome: Outcome) -> Iterator[tuple[int, list[Row]]]:
    """What each tick said of next steps; a repeated one says it of what its first attempt left."""
    for number, tick in enumerate(outcome.world.ticks):
        if tick.mishap != "repeated":
            yield number, outcome.history.states[number]


def _completes(outcome: Outcome, enrollment: Row) -> bool:
    closing = outcome.closings.get(enrollment["enrollment_id"])
    return closing is not None and closing["status"] == "completed"


def _obstacle(outcome: Outcome, enrollment: Row, number: int, step: Definition) -> str | None:
    """Why a step can't go out before conditions and limits are asked; None where nothing is in its way."""
    definition, as_of = outcome.definition_of(enrollment, number), outcome.instants[number]
    scheduled_at = schedule(outcome, enrollment, number, step)
    planned_at = enrollment["occurred_at"] + span(step["delay"]) if "after" in step else scheduled_at
    if definition["status"] != "active":
        return "paused"
    if "expires_after" in step and planned_at + span(step["expires_after"]) <= as_of:
        return "expired"
    if scheduled_at > as_of:
        return "not_yet"
    if not outcome.address_of(enrollment["lead_id"], number):
        return "no_address"
    return None if outcome.window_is_open(definition, enrollment["lead_id"], number) else "window_closed"


def _agrees(state: Row, obstacle: str | None, let_in: bool) -> bool:
    if obstacle is None:
        possible = [("due", None), ("waiting", "frequency_cap"), ("waiting", "throttle")] if let_in else []
        possible += [("skipped", "condition"), *([] if let_in else [("skipped", "rollout")])]
        return (state["state"], state["reason"]) in possible
    return state["reason"] == obstacle and state["state"] == ("skipped" if obstacle == "expired" else "waiting")


def _assert_told_what_happened(outcome: Outcome, state: Row, number: int) -> None:
    happened = [
        how for n, step, how in outcome.resolved[state["enrollment_id"]] if (n, step) == (number, state["step_id"])
    ]
    expected = {"due": ["sent"], "skipped": ["skipped"], "waiting": []}[state["state"]]
    if outcome.world.ticks[number].mishap == "unsent" and state["state"] == "due":
        expected = []
    assert happened == expected, (state, number)


def _turn(outcome: Outcome, state: Row, number: int) -> tuple[int, datetime, str]:
    definition = outcome.definition_of(state, number)
    priority = definition.get("priority", 100 if definition["transactional"] else 50)
    return -priority, state["scheduled_at"], state["message_id"]
