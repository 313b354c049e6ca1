"""What a mail is: a bounce, a complaint, an unsubscribe request, a reply, or none of ours.

The order matters and is all that belongs here: a bounce may look like an answer and an answer may quote a bounce, so
the machine-readable comes before the written.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import Literal

from dagster_drips.inbox.attribution import addressed_id, answered_id, returned_id
from dagster_drips.inbox.bounce_reasons import BounceClass
from dagster_drips.inbox.bounces import read_delivery
from dagster_drips.inbox.complaints import read_complaint
from dagster_drips.inbox.mime import header
from dagster_drips.inbox.replies import has_program_subject, is_answer_of_machine, is_automatic, reply_text
from dagster_drips.inbox.unsubscribe_requests import asks_to_unsubscribe, message_in_subject, message_to_unsubscribe

FindingKind = Literal[
    "bounced",
    "deferred",
    "complained",
    "unsubscribed",
    "replied",
    "auto_replied",
    "reported",
    "not_understood",
    "unrelated",
]
LANDED_KINDS = frozenset({"bounced", "deferred", "complained", "unsubscribed", "replied"})
"""Kinds that are engagement of a message, if it is known which."""


@dataclass(frozen=True)
class Finding:
    """What a mail is.

    `auto_replied`: a program answered. `reported`: a report that says nothing of interest, such as a delivery or a read
    receipt. `not_understood`: it brings back a message of ours, and says nothing that is known. `unrelated`: nothing to
    do with a message of ours, as far as can be seen. `message_id` is None where no message could be found.
    """

    kind: FindingKind
    message_id: str | None = None
    bounce_class: BounceClass | None = None
    detail: str | None = None


def classify(message: Message) -> Finding:
    """What a mail is, and which message it is about."""
    if complaint := read_complaint(message):
        about = complaint.message_id or returned_id(message) or addressed_id(message)
        return Finding("reported" if complaint.kind == "report" else complaint.kind, about, detail=complaint.detail)
    about = addressed_id(message) or returned_id(message)
    if delivery := read_delivery(message, is_ours=about is not None):
        about = about or answered_id(message)
        kind = "reported" if delivery.kind == "report" else delivery.kind
        return Finding(kind, about, delivery.bounce_class, delivery.detail)
    subject, text = header(message, "Subject"), reply_text(message)
    # Not by Auto-Submitted: Apple's mail program says auto-replied of the unsubscribes that it writes.
    may_unsubscribe = not has_program_subject(message)
    # An answer that encloses an older message is about the one it answers.
    answered = addressed_id(message) or answered_id(message)
    if may_unsubscribe and (request := message_in_subject(subject) or message_to_unsubscribe(text.partition("\n")[0])):
        return Finding("unsubscribed", request, detail="by mail")
    # An answer to the mail of an unsubscribe link, as of somebody who changed their mind or asks once more.
    about = about or message_to_unsubscribe(subject)
    if may_unsubscribe and asks_to_unsubscribe(subject, text):
        return Finding("unsubscribed", answered or about, detail=f"answered: {(text or subject)[:100]}")
    if is_automatic(message, answers_us=answered is not None):
        known = answered or about
        return Finding("auto_replied", known) if known or is_answer_of_machine(message) else Finding("unrelated")
    if answered is not None:
        return Finding("replied", answered, detail=text or None)
    return Finding("not_understood" if about else "unrelated", about)
