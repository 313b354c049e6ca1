"""What must hold of every history, one sentence a function; each is checked against `facts`, never against the models.

Here belong statements about outcomes: mail that went out, decisions, closings, skips, reasons to wait.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from properties.facts import Facts, address, bucket, md5
from properties.world import Definition, span

Row = dict[str, Any]


class Outcome(Facts):
    """A history's facts with its enrollments and what became of their steps."""

    def __init__(self, history: Any):
        super().__init__(history)
        self.decisions, self.sends = history.enrollment_decisions, history.sends
        self.enrollments: dict[str, Row] = {row["enrollment_id"]: row for row in self.decisions if row["enrollment_id"]}
        self.closings: dict[str, Row] = {row["enrollment_id"]: row for row in history.enrollment_closings}
        self.resolved: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        """Enrollment → (tick, step, how) in the order of ticks."""
        for row in self.sends:
            self.resolved[row["enrollment_id"]].append((self.number_of[row["as_of"]], row["step_id"], "sent"))
        for row in history.skipped_steps:
            self.resolved[row["enrollment_id"]].append((self.number_of[row["resolved_at"]], row["step_id"], "skipped"))
        for steps in self.resolved.values():
            steps.sort()

    def definition_of(self, row: Row, number: int) -> Definition:
        return self.definitions[number][row["sequence_id"]]

    def sent(self) -> Iterator[tuple[Row, int, Definition]]:
        """Each message that went out, with its tick and its sequence as it was then."""
        for row in self.sends:
            number = self.number_of[row["as_of"]]
            yield row, number, self.definition_of(row, number)

    def next_step(self, enrollment: Row, number: int, *, after: bool) -> Definition | None:
        """The first step standing after the furthest resolved one (M1), before or after what the tick resolved."""
        steps = [step for n, step, _ in self.resolved[enrollment["enrollment_id"]] if n < number + after]
        furthest = max((self.standing(enrollment["sequence_id"], step, number) for step in steps), default=0)
        return next(iter(self.definition_of(enrollment, number)["steps"][furthest:]), None)

    def exit_reason(self, enrollment: Row, number: int) -> str | None:
        """The first reason for which an enrollment may not be open at a tick (L1)."""
        definition, lead_id = self.definition_of(enrollment, number), enrollment["lead_id"]
        since, exits = enrollment["occurred_at"], definition["exit_on"]
        suppressed = self.suppressed(definition, self.address_of(lead_id, number), number)
        after = {one.event for one in self.events(number) if one.lead_id == lead_id and one.occurred_at > since}
        trigger_segment = definition["trigger"].get("segment_entered")
        outside = self.outside(definition, lead_id, number)
        goal = self.definition_of(enrollment, self.number_of[enrollment["decided_at"]])  # L2
        left = outside or bool(trigger_segment and lead_id not in self.members[number][trigger_segment])
        reasons = {
            "unsubscribed": bool(suppressed & {"unsubscribed", "manual"}),
            "bounced": "bounced" in suppressed,
            "complained": "complained" in suppressed,
            "converted": exits["goal"] and self.converted(goal, lead_id, since, number),
            "exit_event": bool(after & set(exits.get("events", ()))),
            "replied": exits["replied"] and self._replied(enrollment, number),
            "left_segments": exits["leaves_segments"] and left,
            "archived": definition["status"] == "archived",
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def _replied(self, enrollment: Row, number: int) -> bool:
        sent = {row["message_id"] for row in self.sends if row["enrollment_id"] == enrollment["enrollment_id"]}
        return any(
            one.type == "replied" and one.message_id in sent and one.lands <= number
            and (one.occurred_at or self.instants[0]) <= self.instants[number]
            for one in self.history.engagement
        )  # fmt: skip

    def life(self, enrollment: Row) -> tuple[int, int]:
        """The ticks that enrolled and closed an enrollment; where it is open, one behind the last."""
        closing = self.closings.get(enrollment["enrollment_id"])
        end = self.number_of[closing["closed_at"]] if closing else len(self.instants)
        return self.number_of[enrollment["decided_at"]], end


def what_is_kept_from_tick_to_tick_is_what_would_be_made_anew(outcome: Outcome) -> None:
    """The tables that ticks bring up to date are those that a full refresh makes of the same rows."""
    history = outcome.history
    assert history.brought_up_to_date
    for name, rows in history.made_anew.items():
        kept = history.brought_up_to_date[name]
        lost, stale = [row for row in rows if row not in kept], [row for row in kept if row not in rows]
        assert not lost and not stale, f"{name}: lacks {lost[:3]}, still has {stale[:3]}"


def no_address_gets_one_message_twice(outcome: Outcome) -> None:
    assert _repeated(row["message_id"] for row in outcome.sends) == []
    assert _repeated((row["enrollment_id"], row["step_id"]) for row in outcome.sends) == []


def nothing_goes_to_a_suppressed_address(outcome: Outcome) -> None:
    for row, number, definition in outcome.sent():
        assert not outcome.suppressed(definition, address(row["recipient"]), number), row


def mail_goes_to_the_address_that_the_lead_has(outcome: Outcome) -> None:
    for row, number, _ in outcome.sent():
        found = outcome.lead(row["lead_id"], number)
        assert found and row["recipient"] == (found[0].email or "").strip(), row


def nothing_goes_out_outside_a_send_window(outcome: Outcome) -> None:
    for row, number, definition in outcome.sent():
        assert outcome.window_is_open(definition, row["lead_id"], number), row


def no_address_gets_more_than_the_cap(outcome: Outcome) -> None:
    cap = outcome.world.settings.get("frequency_cap")
    counted = [(address(row["recipient"]), row["as_of"]) for row, _, one in outcome.sent() if not one["transactional"]]
    if cap is None:
        return
    for where, at in counted:
        assert sum(where == other and at - span(cap["per"]) < then <= at for other, then in counted) <= cap["messages"]


def no_sender_goes_over_its_throttle(outcome: Outcome) -> None:
    used = Counter((address(definition["sender"]["email"]), number) for _, number, definition in outcome.sent())
    for (sender, number), messages in used.items():
        limit = throttle(outcome, sender, number)
        assert limit is None or messages <= limit, (sender, number)


def nobody_in_the_control_arm_gets_mail(outcome: Outcome) -> None:
    for row in outcome.enrollments.values():
        definition = outcome.definition_of(row, outcome.number_of[row["decided_at"]])
        held_out = bucket(f"holdout:{row['sequence_id']}:{row['lead_id']}") < definition["holdout"]
        if not definition["transactional"]:
            held_out |= bucket(f"holdout:project:{row['lead_id']}") < outcome.world.settings.get("holdout", 0)
        assert row["arm"] == ("control" if held_out else "treatment")
        assert not held_out or not outcome.resolved[row["enrollment_id"]]


def only_running_sequences_send_or_skip(outcome: Outcome) -> None:
    for row in outcome.enrollments.values():
        for number, step, _ in outcome.resolved[row["enrollment_id"]]:
            assert outcome.definition_of(row, number)["status"] == "active", (row, step)


def ids_equal_their_formulas(outcome: Outcome) -> None:
    for row in outcome.enrollments.values():
        assert row["enrollment_id"] == md5(row["sequence_id"], row["lead_id"], row["occurrence_id"])
    for row in outcome.sends:
        assert row["enrollment_id"] in outcome.enrollments
        assert row["message_id"] == md5(row["enrollment_id"], row["step_id"])


def is_let_in(share: Definition, *salt: str) -> bool:
    """E9, of a sequence or one of its steps."""
    rollout = share.get("rollout")
    return rollout is None or bucket(":".join(("rollout", *salt))) < rollout


def every_occurrence_is_judged_once_at_the_first_tick_that_can(outcome: Outcome) -> None:
    """Exactly one decision, dated that tick; none while there is a reason to wait (E3, E9)."""
    expected: dict[tuple[str, str, str], tuple[datetime, datetime]] = {}
    for number, as_of in enumerate(outcome.instants):
        for sequence_id, definition in outcome.definitions[number].items():
            opens_at = outcome.opens_at(sequence_id, number)
            if definition["status"] == "active" and opens_at is not None and opens_at <= as_of:
                for one in outcome.occurrences(sequence_id, number):
                    if outcome.address_of(one.lead_id, number) and is_let_in(definition, sequence_id, one.lead_id):
                        key = (sequence_id, one.lead_id, one.occurrence_id)
                        expected.setdefault(key, (one.occurred_at, as_of))
    judged = [(row["sequence_id"], row["lead_id"], row["occurrence_id"]) for row in outcome.decisions]
    assert _repeated(judged) == []
    got = dict(zip(judged, ((row["occurred_at"], row["decided_at"]) for row in outcome.decisions), strict=True))
    assert got == expected


def every_decision_is_the_first_reason_that_holds(outcome: Outcome) -> None:
    """E3, E4, E6"""
    before: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sorted(outcome.decisions, key=lambda row: (row["decided_at"], row["occurred_at"], row["occurrence_id"])):
        enrolled = before[row["sequence_id"], row["lead_id"]]
        assert row["decision"] == _rejection_reason(outcome, row, enrolled), row
        if row["decision"] == "enrolled":
            enrolled.append(row)


def _rejection_reason(outcome: Outcome, row: Row, enrolled: list[Row]) -> str:
    number = outcome.number_of[row["decided_at"]]
    definition = outcome.definition_of(row, number)
    max_age, reentry = definition["trigger"].get("trigger_max_age"), definition["reentry"]
    if outcome.suppressed(definition, outcome.address_of(row["lead_id"], number), number):
        return "suppressed"
    if max_age and row["decided_at"] - row["occurred_at"] > span(max_age):
        return "too_old"
    if outcome.outside(definition, row["lead_id"], number):
        return "outside_segments"
    if any(_is_open_when_judging(outcome, one, number) for one in enrolled):
        return "already_enrolled"
    latest = max((one["occurred_at"] for one in enrolled), default=None)
    too_soon = isinstance(reentry, dict) and latest and row["occurred_at"] < latest + span(reentry)
    return "reentry" if latest and (reentry == "never" or too_soon) else "enrolled"


def _is_open_when_judging(outcome: Outcome, enrollment: Row, number: int) -> bool:
    """Exits of older enrollments come before judging, those of new ones and completions after (T4)."""
    born, end = outcome.life(enrollment)
    completes = end < len(outcome.instants) and outcome.closings[enrollment["enrollment_id"]]["status"] == "completed"
    return end > number or (end == number and (completes or born == number))


def enrollments_exit_at_the_first_tick_with_a_reason_and_for_the_first_reason(outcome: Outcome) -> None:
    """L1; what has a reason is never open, so gets no mail."""
    for row in outcome.enrollments.values():
        born, end = outcome.life(row)
        closing = outcome.closings.get(row["enrollment_id"])
        for number in range(born, min(end + 1, len(outcome.instants))):
            exits = closing is not None and closing["status"] == "exited" and number == end
            expected = closing["exit_reason"] if exits and closing else None
            assert outcome.exit_reason(row, number) == expected, (row, number)


def nothing_moves_before_an_enrollment_or_after_its_end(outcome: Outcome) -> None:
    assert _repeated(row["enrollment_id"] for row in outcome.history.enrollment_closings) == []
    for row in outcome.enrollments.values():
        born, end = outcome.life(row)
        closing = outcome.closings.get(row["enrollment_id"])
        last = end if closing and closing["status"] == "completed" else end - 1
        assert all(born <= number <= last for number, _, _ in outcome.resolved[row["enrollment_id"]]), row


def at_most_one_step_of_an_enrollment_is_resolved_a_tick(outcome: Outcome) -> None:
    for steps in outcome.resolved.values():
        assert _repeated(number for number, _, _ in steps) == []
        assert _repeated(step for _, step, _ in steps) == []


def steps_are_resolved_in_the_order_of_the_file_at_that_tick(outcome: Outcome) -> None:
    """M1, whatever was inserted, taken out or moved before."""
    for row in outcome.enrollments.values():
        for number, step_id, _ in outcome.resolved[row["enrollment_id"]]:
            step = outcome.next_step(row, number, after=False)
            assert step and step["id"] == step_id, (row, number)


def enrollments_complete_at_the_first_tick_that_leaves_no_step(outcome: Outcome) -> None:
    """M1; control at the instant of its last step (E8)."""
    for row in outcome.enrollments.values():
        born, end = outcome.life(row)
        closing = outcome.closings.get(row["enrollment_id"])
        completes = closing is not None and closing["status"] == "completed"
        for number in range(born, end + completes):
            if row["arm"] == "treatment":
                done = outcome.next_step(row, number, after=True) is None
            else:
                done = last_instant(row["occurred_at"], outcome.definition_of(row, number)) <= outcome.instants[number]
            assert done == (completes and number == end), (row, number)


def last_instant(triggered_at: datetime, definition: Definition) -> datetime:
    """E8"""
    at = triggered_at
    for step in definition["steps"]:
        delay = span(step["delay"])
        at = max(at, triggered_at + delay) if "after" in step else at + delay
    return at


def schedule(outcome: Outcome, enrollment: Row, number: int, step: Definition) -> datetime:
    """When a next step is scheduled, as the file has it at a tick (M2)."""
    triggered_at, delay = enrollment["occurred_at"], span(step["delay"])
    before = [outcome.instants[n] for n, _, _ in outcome.resolved[enrollment["enrollment_id"]] if n < number]
    latest = max(before, default=triggered_at)
    return max(triggered_at + delay, latest) if "after" in step else latest + delay


def nothing_goes_out_before_it_is_scheduled(outcome: Outcome) -> None:
    for row, number, definition in outcome.sent():
        step = next(one for one in definition["steps"] if one["id"] == row["step_id"])
        scheduled_at = schedule(outcome, outcome.enrollments[row["enrollment_id"]], number, step)
        assert row["scheduled_at"] == scheduled_at <= row["as_of"], row


def throttle(outcome: Outcome, sender: str | None, number: int) -> int | None:
    """The most that one sender address may send at a tick (F2)."""
    general = outcome.world.settings.get("max_per_tick")
    limits = [
        definition["sender"].get("max_per_tick", general)
        for definition in outcome.definitions[number].values()
        if definition["status"] == "active" and address(definition["sender"]["email"]) == sender
    ]
    return min((limit for limit in limits if limit), default=None)


def _repeated(values: Any) -> list[Any]:
    return [value for value, times in Counter(values).items() if times > 1]
