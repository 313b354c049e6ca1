"""Random small projects through real ticks: with files that stay, and with files that are edited in flight."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from properties import invariants, reasons
from properties.invariants import Outcome
from properties.strategies import worlds
from properties.workbench import Workbench
from properties.world import World

pytestmark = pytest.mark.slow

INVARIANTS = [
    invariants.what_is_kept_from_tick_to_tick_is_what_would_be_made_anew,
    invariants.no_address_gets_one_message_twice,
    invariants.nothing_goes_to_a_suppressed_address,
    invariants.mail_goes_to_the_address_that_the_lead_has,
    invariants.nothing_goes_out_outside_a_send_window,
    invariants.no_address_gets_more_than_the_cap,
    invariants.no_sender_goes_over_its_throttle,
    invariants.nobody_in_the_control_arm_gets_mail,
    invariants.only_running_sequences_send_or_skip,
    invariants.ids_equal_their_formulas,
    invariants.every_occurrence_is_judged_once_at_the_first_tick_that_can,
    invariants.every_decision_is_the_first_reason_that_holds,
    invariants.enrollments_exit_at_the_first_tick_with_a_reason_and_for_the_first_reason,
    invariants.nothing_moves_before_an_enrollment_or_after_its_end,
    invariants.at_most_one_step_of_an_enrollment_is_resolved_a_tick,
    invariants.steps_are_resolved_in_the_order_of_the_file_at_that_tick,
    invariants.enrollments_complete_at_the_first_tick_that_leaves_no_step,
    invariants.nothing_goes_out_before_it_is_scheduled,
    reasons.every_step_that_is_not_sent_has_a_true_reason,
    reasons.those_who_wait_for_a_limit_stand_behind_those_who_went,
]

# A tick takes half a second, so examples are few and large; `--hypothesis-seed` tries others. Shrinking takes minutes.
FEW = settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "6")),
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=[
        phase for phase in Phase if phase is not Phase.explain and not (phase is Phase.shrink and "CI" in os.environ)
    ],
)


@FEW
@given(world=worlds())
def test_the_rules_hold_in_a_random_project(workbench: Workbench, world: World) -> None:
    _check(workbench, world)


@FEW
@given(world=worlds(edited=True))
def test_the_rules_hold_while_sequence_files_are_edited(workbench: Workbench, world: World) -> None:
    _check(workbench, world)


def _check(workbench: Workbench, world: World) -> None:
    outcome = Outcome(workbench.play(world))
    for holds in INVARIANTS:
        note(holds.__name__)
        holds(outcome)
