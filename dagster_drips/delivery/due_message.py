"""A due message: a row of `decide.due_steps` with its lead and its event, typed from the query to the MIME message.

Only the type and its making. Which rows are read is in `due_messages.sql` and `queue`; a test holds the fields against
the model's documented columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from dagster_drips.errors import DripsError
from dagster_drips.templating.context import MessageFacts


class DueMessage(MessageFacts, kw_only=True, frozen=True, gc=False):
    """One message to send at this tick (M4); times are naive UTC.

    `lead` has the lead's columns that templates use, custom fields included, and is empty where there is no such lead.
    `event` is the triggering row of `raw.events`, None for the built-in triggers. `content` and `content_types` are
    what was frozen for it (M9), as `templating.content` reads them; None: its templates name no content model.
    """

    message_id: str
    enrollment_id: str
    version_id: str | None
    lead_id: str
    sender_email: str
    recipient: str
    address: str
    scheduled_at: datetime
    as_of: datetime
    attempt: int
    transactional: bool
    occurrence_id: str
    send_rank: int
    event: dict[str, Any] | None
    lead: dict[str, Any]
    content: str | None = None
    content_types: str | None = None


def due_messages(rows: Sequence[Mapping[str, Any]]) -> list[DueMessage]:
    """The rows of `chunk` of due_messages.sql, each with its `lead`, checked and typed.

    A chunk at a time: 1 µs a row, less than making the structs one by one.

    Raises:
        DripsError: the model and the type no longer fit together.
    """
    try:
        return msgspec.convert(rows, list[DueMessage])
    except msgspec.ValidationError as error:
        raise DripsError(f"decide.due_steps is not what sending expects: {error}") from error
