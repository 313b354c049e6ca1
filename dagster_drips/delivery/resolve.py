"""Messages in doubt, and putting down what became of them: by a person who looked, never by itself.

A resolution is one more fact of the delivery journal, in a file of its own, so that a warehouse made again from files
knows it. What in doubt means is said by the model `message_states_after_sending`; what makes doubts is in `journal` and
`fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from dagster_drips.clock import utc_now
from dagster_drips.delivery.delivery_journal import Claim, DeliveryJournal, Record, Result, due_again
from dagster_drips.delivery.ingestion import fold
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

Resolution = Literal["sent", "failed", "resend"]

_STATEMENTS = named_statements(Path(__file__).with_name("resolve.sql"))
_CLAIM_COLUMNS = Claim.__struct_fields__


@dataclass(frozen=True)
class Doubt:
    """A message that may have reached its server: what was claimed, when that was noted, the last words about it.

    `recorded_at` is in the tick's own time; `smtp_code` is None and `detail` tells why where the server said nothing.
    """

    claim: Claim
    recorded_at: datetime
    smtp_code: int | None
    detail: str | None

    def as_dict(self) -> dict[str, Any]:
        """What a person needs to find the message in the mail server's log."""
        return {
            "message_id": self.claim.message_id,
            "recipient": self.claim.recipient,
            "sequence_id": self.claim.sequence_id,
            "step_id": self.claim.step_id,
            "as_of": self.claim.as_of,
            "recorded_at": self.recorded_at,
            "attempt": self.claim.attempt,
            "smtp_code": self.smtp_code,
            "detail": self.detail,
        }


def doubts(warehouse: Warehouse, *, sequence_id: str | None = None) -> list[Doubt]:
    """All messages in doubt, the oldest tick's first; of one sequence where it is given.

    Raises:
        DripsError: no tick has decided anything yet.
    """
    _ask_for_states(warehouse)
    if not warehouse.value(_STATEMENTS["any"]):
        return []
    found = [_doubt(row) for row in warehouse.rows(_STATEMENTS["in_doubt"])]
    return [doubt for doubt in found if sequence_id in (None, doubt.claim.sequence_id)]


def doubts_named(warehouse: Warehouse, message_ids: Sequence[str]) -> list[Doubt]:
    """The messages in doubt with these ids, each once.

    Raises:
        DripsError: one of them is not in doubt, or is no message.
    """
    by_id = {doubt.claim.message_id: doubt for doubt in doubts(warehouse)}
    for message_id in message_ids:
        if message_id not in by_id:
            status = warehouse.value(_STATEMENTS["status"], [message_id])
            reason = f"it is {status}" if status else "no such message was ever tried"
            raise DripsError(f"message {message_id} is not in doubt: {reason}; nothing was resolved")
    return [by_id[message_id] for message_id in dict.fromkeys(message_ids)]


def resolve(
    project: Project,
    warehouse: Warehouse,
    resolved: Sequence[Doubt],
    resolution: Resolution,
    *,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Put down for good what became of messages in doubt; the project's lock must be held.

    Args:
        project: whose journal to append to.
        warehouse: open for writing; the journal is folded into it.
        resolved: as `doubts` gave them.
        resolution: `sent` and `failed` count as of the tick that tried the message; `resend` makes it due at the next.
        now: the time to record as the journal file's own, naive UTC.

    Raises:
        DripsError: the journal can't be written; repeating is safe.
    """
    if not resolved:
        return
    records: list[Record] = []
    for doubt in resolved:
        # A pair each: a power cut in between leaves no claims behind that were in doubt once more.
        records += [doubt.claim, _outcome(doubt, resolution)]
    with DeliveryJournal(project, now=now) as journal:
        journal.write(records, durable=True)
    fold(project, warehouse, now=now)


def _outcome(doubt: Doubt, resolution: Resolution) -> Result:
    said = f": {doubt.detail}" if doubt.detail else ""
    if resolution == "resend":
        return due_again(doubt.claim, doubt.recorded_at, f"resolved as not sent, due again{said}")
    return Result(
        doubt.claim.message_id,
        doubt.claim.attempt,
        resolution,
        doubt.recorded_at,  # about then it went out, if it did: clicks are judged by that (M6)
        doubt.smtp_code,
        detail=f"resolved as {resolution}{said}",
    )


def _doubt(row: dict[str, Any]) -> Doubt:
    claim = Claim(**{name: row[name] for name in _CLAIM_COLUMNS})
    return Doubt(claim, row["recorded_at"], row["smtp_code"], row["detail"])


def _ask_for_states(warehouse: Warehouse) -> None:
    if not warehouse.columns("after_sending.message_states_after_sending"):
        raise DripsError("this warehouse has seen no tick yet; start with `drips run`")
