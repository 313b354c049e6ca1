"""The models' reasons in words, each with the rule that gives it: for whoever tells people why.

Here belong the words alone; which reason holds is decided in SQL.
"""

from __future__ import annotations

REASONS = {
    "condition": "its conditions say no (M6)",
    "expired": "expired (M7)",
    "rollout": "not among those of the rollout (E9)",
    "declined": "the template declined it (M10)",
    "asked_lately": "that address was asked lately (M6)",
    "unsubscribed": "unsubscribed (L1)",
    "bounced": "bounced (L1)",
    "complained": "complained (L1)",
    "converted": "converted (L1)",
    "exit_event": "an event ends the sequence (L1)",
    "replied": "replied (L1)",
    "left_segments": "left the segments (L1)",
    "archived": "the sequence is archived (S1)",
    "draft": "the sequence is a draft (S1)",
    "paused": "the sequence is paused (S1)",
    "no_sequence": "there is no such sequence",
    "suppressed": "suppressed (E3)",
    "too_old": "the trigger is too old (E3)",
    "outside_segments": "outside the segments (E5)",
    "already_enrolled": "enrolled already (E3)",
    "reentry": "was enrolled before (E6)",
    "frequency_cap": "the frequency cap (F1)",
    "throttle": "the throttle (F2)",
    "warmup": "the warm-up (F4)",
    "window_closed": "the send window (M5)",
    "no_address": "an address (M4)",
    "gate": "a gate (G1)",
    "retry": "its next attempt (M4)",
    "in_doubt": "what became of an attempt (M4)",
    "not_yet": "its time (M2)",
}
"""Of decisions, exits, skipped and waiting steps; what waits, waits for it."""
