"""Somebody called a message spam: feedback reports of mailbox providers (ARF, RFC 5965), and those in other forms.

Older feedback loops, and reporting services, send the message back without a part for machines. Such a mail is a
complaint where its author or subject is one of a feedback loop's and it brings back a message of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from dagster_drips.inbox.attribution import id_in_address, returned_id
from dagster_drips.inbox.mime import addresses, enclosed, fields_of, header, headers, own_parts

# Feedback types of the registry of RFC 5965 7.3 and its successors. Any other counts as a complaint, as RFC 5965 3.5
# has it that what is not understood is `other`.
_OPT_OUTS = frozenset({"opt-out", "opt-out-list"})
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure"})  # RFC 6430, RFC 6591

# Who sends feedback: Outlook.com's Junk Mail Reporting Program (`staff@hotmail.com`), AOL's `scomp@aol.net`, SpamCop's
# `<number>@reports.spamcop.net`, and what other providers call theirs.
_FEEDBACK_AUTHORS = re.compile(
    r"""(?:staff@(?:hotmail|outlook|live|msn)\. | scomp@ | jmrp?@ | (?:[\w.+-]*[._-])?(?:fbl|feedback-?loops?|arf
    |abuse-?reports?|spam-?reports?|complaints?|spam-?complaints?)(?:[._-][\w.+-]*)?@ | feedback@arf\. | abuse@
    | abuse[._-][\w.-]*@
    | [^@]*@(?:[\w-]+\.)*(?:spamcop\.net|fbl\.[\w.-]+|arf\.[\w.-]+|feedback(?:loop)?\.[\w.-]+|abuse\.net))""",
    re.IGNORECASE | re.VERBOSE,
)
_FEEDBACK_SUBJECTS = re.compile(
    r"""\b(?:complaint\sabout\s(?:a\s)?message | abuse\sreport | (?:spam|junk)\s(?:mail\s)?(?:complaint|report
    |feedback)
    | e-?mail\sfeedback\sreport | feedback\sloop | spam\scomplaint | spamcop\b.*\bid: | reported\sas\s(?:spam|junk
    |abus)
    | complaint\sfrom\b | marked\s(?:this\s|it\s)?as\s(?:spam|junk) | user\scomplaint )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Complaint:
    """A feedback report: `report` is one that blames nobody. `message_id` only where a field of its own names it."""

    kind: Literal["complained", "unsubscribed", "report"]
    detail: str
    message_id: str | None


def read_complaint(message: Message) -> Complaint | None:
    """The complaint that a mail is; None where it is none."""
    for part in own_parts(message):
        if part.get_content_type() == "message/feedback-report":
            return _of_report(part)
    return _without_report(message)


def _of_report(part: Message) -> Complaint:
    groups = fields_of(part)
    fields = groups[0] if groups else Message()
    feedback = header(fields, "Feedback-Type").lower() or "other"
    kind = "unsubscribed" if feedback in _OPT_OUTS else "report" if feedback in _NO_COMPLAINTS else "complained"
    words = (f"{name}: {text}" for name in ("User-Agent", "Source-IP") if (text := header(fields, name)))
    envelope = id_in_address(headers(fields, "Original-Mail-From"))
    return Complaint(kind, "; ".join((feedback, *words))[:500], envelope)


def _without_report(message: Message) -> Complaint | None:
    """One in no standard form; what answers somebody, or reports on a delivery, is none."""
    if message.get_content_type() == "multipart/report" or header(message, "In-Reply-To"):
        return None
    subject = header(message, "Subject")
    by_author = any(_FEEDBACK_AUTHORS.match(address) for address in addresses(header(message, "From")))
    if not (by_author or _FEEDBACK_SUBJECTS.search(subject)):
        return None
    brought_back = returned_id(message)
    if brought_back is None or not (enclosed(message) or _FEEDBACK_SUBJECTS.search(subject)):
        return None
    return Complaint("complained", f"no ARF: {subject}"[:500], brought_back)
