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

from dagster_drips.inbound.bounce_reasons import BounceClass, bounce_class, says_why, status_of
from dagster_drips.inbound.mime import (
    addresses,
    enclosed,
    fields_of,
    first_part,
    header,
    headers,
    own_parts,
    written_text,
)
from dagster_drips.inbound.replies import is_answer_of_machine

DeliveryKind = Literal["bounced", "deferred", "report"]

# It tells of each detector, with a traceback where one fails.
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
_MACHINES = re.compile(
    r"^(mailer-?daemon|mail-?daemon|postmaster|mail-?delivery|bounces?|microsoftexchange\w*)\b", re.I
)
_MACHINE_NAMES = re.compile(
    r"""["'(]?(?:mail\sdelivery\s(?:system|subsystem|service|agent) | mailer[\s-]?daemon | mail\sadministrator
    | system\sadministrator | postmaster | microsoft\soutlook | mail\ssystem | mailsystem | delivery\ssubsystem
    | internet\smail\sdelivery | e-?mail\sdelivery | mdaemon)""",
    re.IGNORECASE | re.VERBOSE,
)
_FAILURE_SUBJECTS = re.compile(
    r"""\W*(?:(?:re:\s)?(?:undeliver(?:ed|able) | non[\s-]?deliver(?:y|able) | (?:mail|message)\sdelivery\s(?:fail|error|problem|status)
    | delivery\s(?:status\snotification|failure|failed|has\sfailed|error|problem|report|notification) | failure\snotice
    | returned\s(?:mail|message|to\ssender) | mail\s(?:system\serror|could\snot\sbe\sdelivered|failure)
    | message\s(?:could\snot\sbe|not|was\snot)\sdelivered | there\swas\san\serror\ssending\syour\smail
    | unzustellbar | nicht\szustellbar | unzustellbare | zustellung\sfehlgeschlagen | fehler\sbei\sder\szustellung
    | non\sremis | [ée]chec\sde\s(?:la\s)?(?:remise|distribution) | message\snon\s(?:distribu|d[ée]livr)
    | no\sse\s(?:puede|pudo|ha\spodido)\sentregar | error\sde\sentrega | no\sentregado | mensaje\sno\sentregado
    | onbestelbaar | mislukte\sbezorging | mancato\srecapito | recapito\snon\sriuscito | impossibile\srecapitare
    | n[ãa]o\sfoi\sposs[íi]vel\sentregar | falha\sna\sentrega | n[ãa]o\sentregue | mensagem\sn[ãa]o\sentregue
    | nie\smo[żz]na\sdostarczy[ćc] | niedostarczon | olevererbar | kan\sinte\slevereras | kan\sikke\sleveres
    | ei\svoida\stoimittaa | nedoru[čc] | не\sдоставлен | недоставлен | 配信不能 | 配信エラー | 送信エラー | 送達不能 | 退信 | 无法投递 | 無法傳遞
    | 배달되지 ))""",
    re.IGNORECASE | re.VERBOSE,
)
# RFC 5321 4.2: three digits and words, as a server was heard to say.
_REPLY_CODE = re.compile(r"(?:^|[\s:;(<\"'\[])[45][0-5]\d(?:[ \t-]|$)", re.MULTILINE)
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
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            return _of_status(message, fields_of(part))
    return _of_text(message, is_ours) if _is_from_machine(message) else None


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
    by_mail_system = _is_by_mail_system(message)
    # People's programs answer with an empty envelope sender, too, and of mailboxes that are no longer used.
    if is_ours and (by_mail_system or not is_answer_of_machine(message)) and _tells_failure(words, by_mail_system):
        status = status_of(words)
        if status and status[0] == "4":
            return Delivery("deferred", None, _cut(words))
        return Delivery("bounced", bounce_class(None, words), _cut(words))
    return None


def _tells_failure(words: str, by_mail_system: bool) -> bool:
    """Whether it says why a message could not be delivered; of a mail system a bare reply code will do."""
    return says_why(words) or (by_mail_system and _REPLY_CODE.search(words) is not None)


def _known_formats(message: Message) -> tuple[bool, bool]:
    """Whether flufl.bounce sees a delay, and whether a failure."""
    try:
        beginning = first_part(message, longest=_LONGEST_SCANNED, longest_line=_LONGEST_SCANNED_LINE)
        waiting, failed = all_failures(beginning)
    # Its detectors fall over headers with bare 8-bit characters and other broken mails: then the words have to do.
    except (AttributeError, AssertionError, LookupError, TypeError, ValueError):
        return False, False
    return bool(waiting), bool(failed)


def _is_from_machine(message: Message) -> bool:
    """Whether a mail system wrote it: only such mails are searched for words of failure."""
    return bool(
        header(message, "Return-Path") == "<>"
        or header(message, "X-Failed-Recipients")
        or message.get_content_type() == "multipart/report"
        or _is_by_mail_system(message)
    )


def _is_by_mail_system(message: Message) -> bool:
    """Whether its author is a mail system by name, or its subject one of a mail system's."""
    author = header(message, "From")
    names = [address.partition("@")[0] for address in addresses(author)] or [author.strip("<>")]
    return bool(
        any(_MACHINES.match(name) for name in names)
        or _MACHINE_NAMES.match(author)
        or _FAILURE_SUBJECTS.match(header(message, "Subject"))
    )


def _reason_text(message: Message) -> str:
    """The report's own words, without the message that it brings back."""
    text = written_text(message)[: 2 * _LONGEST_REASON]
    returned = _RETURNED.search(text)
    return text[: returned.start() if returned else None][:_LONGEST_REASON]


def _without_type(diagnostic: str) -> str:
    return diagnostic.partition(";")[2].strip() or diagnostic


def _cut(text: str) -> str | None:
    return " ".join(text.split())[:_LONGEST_DETAIL] or None
