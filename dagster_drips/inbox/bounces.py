"""Reports on delivery: what a mail system says has become of a message (RFC 3464, and the many that never read it).

Here belongs reading a report. Whether its reason blames the address is in `bounce_reasons`, which message it is about
in `attribution`.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from flufl.bounce import all_failures

from dagster_drips.inbox.bounce_reasons import BounceClass, bounce_class, says_why, status_of
from dagster_drips.inbox.mail_systems import is_by_mail_system, is_from_machine, reports_delay, reports_failure
from dagster_drips.inbox.mime import (
    addresses,
    enclosed,
    fields_of,
    first_part,
    header,
    headers,
    own_parts,
    written_text,
)
from dagster_drips.inbox.replies import is_answer_of_machine
from dagster_drips.smtp.reply_text import shown

DeliveryKind = Literal["bounced", "deferred", "report"]

# It logs each detector, with a traceback where one fails.
logging.getLogger("flufl.bounce").propagate = False
logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())

_LONGEST_DETAIL = 500
_LONGEST_REASON = 4_000
_GRAVITY: dict[tuple[str, str | None], int] = {
    ("bounced", "hard"): 3,
    ("bounced", "soft"): 2,
    ("deferred", None): 1,
    ("report", None): 0,
}
_LONGEST_SCANNED = 50_000
_LONGEST_SCANNED_LINE = 500
# Where the returned message starts in reports that enclose it as text.
_RETURNED = re.compile(
    r"^[> \t-]*(?:this is a copy of|below this line is a copy|original message|returned message|message headers?)\b",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Delivery:
    """What a report says: `report` is one that needs no action (delivered, relayed, expanded)."""

    kind: DeliveryKind
    bounce_class: BounceClass | None = None
    detail: str | None = None


def read_delivery(message: Message, *, is_ours: bool) -> Delivery | None:
    """The delivery that a mail reports on; None where it is no such report.

    Args:
        message: the mail.
        is_ours: whether it names a message of ours; a report in nobody's format is believed only then.
    """
    for part in own_parts(message):
        is_status = part.get_content_type() in ("message/delivery-status", "message/global-delivery-status")
        # Some say nothing of any recipient: then the words have to do.
        if is_status and (delivery := _of_status(message, fields_of(part))):
            return delivery
    return _of_text(message, is_ours) if is_from_machine(message) else None


def _of_status(message: Message, groups: list[Message]) -> Delivery | None:
    """RFC 3464 2.3: a group of fields for each recipient; the first group is about the message."""
    recipients = [group for group in groups if group.get("Action") or group.get("Status")]
    if not recipients:
        return None
    # A message of ours has one recipient; others are whom a list or a forward stands for, and matter if he isn't named.
    asked = {address for inner in enclosed(message) for address in addresses(header(inner, "To"))}
    named = [group for group in recipients if asked & _recipients_of(group)]
    found = [_of_recipient(group, message) for group in named or recipients]
    return max(found, key=lambda delivery: _GRAVITY[delivery.kind, delivery.bounce_class])


def _recipients_of(group: Message) -> set[str]:
    text = headers(group, "Final-Recipient", "Original-Recipient")
    return {line.partition(";")[2].strip().strip("<>").lower() for line in text.split("\n")}


def _of_recipient(group: Message, message: Message) -> Delivery:
    action = header(group, "Action").lower().partition(" ")[0]
    status = status_of(header(group, "Status"))
    diagnostic = header(group, "Diagnostic-Code")
    detail = _cut(" ".join(text for text in (status, diagnostic) if text))
    if action == "delayed" or (not action and status and status[0] == "4"):
        return Delivery("deferred", None, detail)
    if action in ("delivered", "relayed", "expanded") or (not action and status and status[0] == "2"):
        return Delivery("report", None, detail)
    words = _reason_text(message)
    detail = detail if diagnostic or says_why(detail or "") else _cut(words)
    return Delivery("bounced", bounce_class(status, _without_type(diagnostic), words), detail)


def _of_text(message: Message, is_ours: bool) -> Delivery | None:
    """What flufl.bounce recognizes, and else plain words about a message of ours."""
    waiting, failed = _known_formats(message)
    words = _reason_text(message)
    if failed or header(message, "X-Failed-Recipients"):
        return Delivery("bounced", bounce_class(None, words), _cut(words))
    if waiting:
        return Delivery("deferred", None, _cut(words))
    # People's programs answer with an empty envelope sender, too, and of mailboxes that are no longer used.
    believed = is_ours and (is_by_mail_system(message) or not is_answer_of_machine(message))
    if believed and (says_why(words) or reports_failure(message, words)):
        status = status_of(words)
        if (status and status[0] == "4") or reports_delay(message, words):
            return Delivery("deferred", None, _cut(words))
        return Delivery("bounced", bounce_class(None, words), _cut(words))
    return None


def _known_formats(message: Message) -> tuple[bool, bool]:
    """Whether flufl.bounce sees a delay, and whether a failure."""
    try:
        beginning = first_part(message, longest=_LONGEST_SCANNED, longest_line=_LONGEST_SCANNED_LINE)
        waiting, failed = all_failures(beginning)
    # Its detectors fall over headers with bare 8-bit characters and other broken mails: then the words have to do.
    except (AttributeError, AssertionError, LookupError, TypeError, ValueError):
        return False, False
    return bool(waiting), bool(failed)


def _reason_text(message: Message) -> str:
    """The report's own words, without the message that it brings back."""
    text = written_text(message)[: 2 * _LONGEST_REASON]
    returned = _RETURNED.search(text)
    return text[: returned.start() if returned else None][:_LONGEST_REASON]


def _without_type(diagnostic: str) -> str:
    return diagnostic.partition(";")[2].strip() or diagnostic


def _cut(text: str) -> str | None:
    return shown(text, _LONGEST_DETAIL) or None
