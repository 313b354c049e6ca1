"""Feedback reports of mailbox providers: somebody called a message spam (ARF, RFC 5965)."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import Literal

from dagster_drips.inbound.attribution import id_in_address
from dagster_drips.inbound.mime import fields_of, header, headers, own_parts

# Feedback types of the registry of RFC 5965 7.3 and its successors. Any other counts as a complaint, as RFC 5965 3.5
# has it that what is not understood is `other`.
_WISHES = frozenset({"opt-out", "opt-out-list"})
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure"})  # RFC 6430, RFC 6591


@dataclass(frozen=True)
class Complaint:
    """A feedback report: `report` is one that blames nobody. `message_id` only where a field of its own names it."""

    kind: Literal["complained", "unsubscribed", "report"]
    detail: str
    message_id: str | None


def read_complaint(message: Message) -> Complaint | None:
    """The complaint that a mail is; None where it is none."""
    for part in own_parts(message):
        if part.get_content_type() != "message/feedback-report":
            continue
        groups = fields_of(part)
        fields = groups[0] if groups else Message()
        feedback = header(fields, "Feedback-Type").lower() or "other"
        kind = "unsubscribed" if feedback in _WISHES else "report" if feedback in _NO_COMPLAINTS else "complained"
        words = (f"{name}: {text}" for name in ("User-Agent", "Source-IP") if (text := header(fields, name)))
        envelope = id_in_address(headers(fields, "Original-Mail-From"))
        return Complaint(kind, "; ".join((feedback, *words))[:500], envelope)
    return None
