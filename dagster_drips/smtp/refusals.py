"""Whom a mail server blames when it refuses for good: the reader's address, us, the message, or something that passes.

One place for every refusal, wherever it is read: an SMTP reply (`outcomes`), a report in the mailbox
(`inbox.bounce_reasons`), a provider's diagnostic. Only what blames the address itself suppresses it (rule L3), so
whatever is not plainly that is something else. The words stand in `refusal_words`; what follows from the blame is
decided by who asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

from dagster_drips.smtp import refusal_words

Blame = Literal["address", "host", "sender", "storage", "rate", "system", "content", "policy", "unknown"]

ADDRESS_STATUSES = {
    "5.1.1": "no such mailbox (RFC 3463)",
    "5.1.2": "no such domain (RFC 3463)",
    "5.1.3": "no valid address (RFC 3463)",
    "5.1.6": "the mailbox has moved and nobody knows where to (RFC 3463)",
    "5.1.10": "the domain takes no mail at all, null MX (RFC 7505)",
    "5.2.1": "the mailbox is disabled (RFC 3463)",
}
"""Statuses that blame the address, where no words blame something else (L3)."""

STATUS_BLAMES: dict[str, Blame] = {
    "1.7": "sender",
    "1.8": "sender",
    "1.9": "sender",
    "7.0": "policy",
    "7.1": "policy",
    "2.2": "storage",
    "2.3": "content",
    "2.4": "system",
    "3.1": "storage",
    "3.4": "content",
    "7": "host",
    "6": "content",
    "4": "system",
    "3": "system",
}
"""What other statuses blame, by their last two numbers or the class in between (RFC 3463 3)."""

VAGUE_STATUSES = frozenset({"5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.4.0", "5.5.0"})
"""Statuses that say no more than "permanent": the words decide."""

NO_MAIL_HERE = 556
"""The reply of a domain that takes no mail (RFC 7504)."""

STATUS = re.compile(r"(?<![\d.])([245]\.[0-7]\.\d{1,3})(?![\d.]*\d)")
"""An enhanced status (RFC 3463 2); no address of a host, no version of a program."""

_LONGEST_TEXT = 4_000
# These blame us whatever words say ("domain does not exist": the sender's). 5.7.0 and 5.7.1 stand for anything:
# "user unknown" beside them counts.
_OUR_STATUS = re.compile(r"5\.1\.[789]$|5\.7\.(?:[2-9]|\d{2,3})$")
_CODE = re.compile(r"(?:^|[\s:;(<\"'#>])([45][0-5]\d)(?=[\s-]|$)")
_CONTINUED = re.compile(r"(?<=\s)[45]\d\d-(?:[245]\.\d{1,3}\.\d{1,3}\s)?")
_NO_WORDS = re.compile(
    r"""https?://\S+ | <[^<>\s]{0,254}@[^<>\s]{0,254}> | \b[\w-]{1,63}(?:\.[\w-]{1,63}){2,}
    | (?<![^\s<>()\[\]{}"'`,;:])[^\s<>()\[\]{}"'`,;:@]{1,64}@[^\s<>()\[\]{}"'`,;:]+""",
    re.VERBOSE,
)
_RETURNED = re.compile(r"^[> \t]*(?:received|return-path|mime-version|dkim-signature):", re.IGNORECASE | re.MULTILINE)
_APOSTROPHE = re.compile(r"(?<=\w)['’`´](?=\w)")
_GAP = re.compile(r"[\W_]+")
# Exchange Online's words for an address that its directory doesn't know, under a status for routing.
_UNKNOWN_TO_DIRECTORY = "recipient address rejected access denied"
_BEFORE_ADDRESS: tuple[Blame, ...] = ("host", "sender", "storage", "content", "rate", "system")


def blame(status: str | None, *texts: str, code: int | None = None) -> Blame:
    """Whom a refusal that is final blames.

    Args:
        status: an enhanced status from a field of its own (RFC 3464 2.3.4), where there is one.
        texts: the server's words, the most telling first; each is asked only where those before said nothing.
        code: the reply code, where it is known (RFC 5321 4.2.3).
    """
    if status and _OUR_STATUS.match(status):
        return _blame_of_status(status)
    for text in texts:
        own = status_in(text)
        if own and _OUR_STATUS.match(own):
            return _blame_of_status(own)
        if _is_for_now(own or status, text):
            return "rate"
        blamed = blame_of_words(text)
        if blamed == "policy" and _is_unknown_to_directory(own or status, text):
            return "address"
        if blamed:
            return blamed
        if own is not None and own not in VAGUE_STATUSES:
            return _blame_of_status(own)
    if status and status not in VAGUE_STATUSES:
        return _blame_of_status(status)
    if code == NO_MAIL_HERE or any(_reply_code_in(text) == NO_MAIL_HERE for text in texts[:1]):
        return "address"
    return "policy" if any(map(_is_refusal, texts)) else "unknown"


def blame_of_words(text: str) -> Blame | None:
    """Whom plain words blame; None where they say nothing. Codes of three parts and reply codes are not asked."""
    raw = _own_words(text).lower()
    codes = _codes()
    if codes["host"].search(raw):
        return "host"
    if codes["address"].search(raw):
        return "address"
    words = _plain(raw)
    patterns = _patterns()
    for kind in _BEFORE_ADDRESS:
        if patterns[kind].search(words):
            return kind
    if patterns["address"].search(words):
        return "address"
    return "policy" if patterns["policy"].search(words) else None


def status_in(text: str) -> str | None:
    """The first enhanced status in a text that says something, else the first; None where there is none."""
    found = [status for status in STATUS.findall(text[:_LONGEST_TEXT]) if status[0] != "2"]
    return next((status for status in found if status not in VAGUE_STATUSES), found[0] if found else None)


def _is_refusal(text: str) -> bool:
    return bool(_patterns()["refusal"].search(_plain(_own_words(text).lower())))


def _is_for_now(status: str | None, text: str) -> bool:
    """Whether a refusal was given as one for now, which some systems report once they have given up."""
    codes = _CODE.findall(text[:_LONGEST_TEXT])
    return (status or "5")[0] == "4" and not any(code[0] == "5" for code in codes)


def _blame_of_status(status: str) -> Blame:
    if status in ADDRESS_STATUSES:
        return "address"
    if status[0] == "4":
        return "rate"
    tail = status[2:]
    return STATUS_BLAMES.get(tail) or STATUS_BLAMES.get(tail.partition(".")[0]) or "unknown"


def _is_unknown_to_directory(status: str | None, text: str) -> bool:
    return bool(status and status.startswith("5.4.1") and _UNKNOWN_TO_DIRECTORY in _plain(text[:_LONGEST_TEXT].lower()))


def _reply_code_in(text: str) -> int | None:
    match = _CODE.search(text[:_LONGEST_TEXT])
    return int(match.group(1)) if match else None


def _own_words(text: str) -> str:
    """The text without the head of the message that a report brings back in it, and not for ever."""
    text = text[:_LONGEST_TEXT]
    returned = _RETURNED.search(text)
    return text[: returned.start()] if returned else text


def _plain(text: str) -> str:
    """Words with one space in between, without what only looks like words: addresses, links, names of hosts."""
    text = _NO_WORDS.sub(" ", _CONTINUED.sub("", text))
    return _GAP.sub(" ", _APOSTROPHE.sub("", text)).strip()


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Compiled when the first refusal is read: most runs have none."""
    return {
        "address": _any_of(refusal_words.ADDRESS),
        "host": _any_of(refusal_words.HOST),
        "sender": _any_of(refusal_words.SENDER),
        "storage": _any_of(refusal_words.STORAGE),
        "rate": _any_of(refusal_words.RATE),
        "system": _any_of(refusal_words.SYSTEM),
        "content": _any_of(refusal_words.CONTENT),
        "policy": _any_of(refusal_words.POLICY),
        "refusal": _any_of(refusal_words.REFUSAL),
    }


@cache
def _codes() -> dict[str, re.Pattern[str]]:
    return {
        "address": re.compile("|".join(refusal_words.ADDRESS_CODES)),
        "host": re.compile("|".join(refusal_words.HOST_CODES)),
    }


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})")
