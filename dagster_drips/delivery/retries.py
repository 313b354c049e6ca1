"""When a deferred message is tried again, and after how many attempts it has failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from dagster_drips.delivery.delivery_journal import Result
from dagster_drips.delivery.due_message import DueMessage
from dagster_drips.smtp.outcomes import Outcome

RETRY_AFTER = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(hours=24),
)
"""How long after its tick a deferred attempt may be repeated; one more deferral than these is a failure."""


def result_of(due: DueMessage, outcome: Outcome, recorded_at: datetime) -> Result:
    """What is journaled of an attempt.

    Args:
        due: the message.
        outcome: what became of it.
        recorded_at: naive UTC.
    """
    kind, detail, retry_at = outcome.outcome, outcome.detail, None
    if kind == "deferred" and due.attempt > len(RETRY_AFTER):
        kind, detail = "failed", f"gave up after {due.attempt} attempts: {detail}"
    elif kind == "deferred":
        retry_at = due.as_of + RETRY_AFTER[due.attempt - 1]
    return Result(
        due.message_id,
        due.attempt,
        kind,
        recorded_at,
        outcome.smtp_code,
        outcome.enhanced_code,
        detail,
        retry_at,
    )
