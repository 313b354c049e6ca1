"""Whether a bounce says that an address is no good (hard), or anything else (soft).

A hard bounce suppresses an address for good, so only what blames the address itself is hard: a status code, the words
of a server, or a bare reply code. The tables below are data with their sources; docs/mailbox.md explains the choice.
"""

from __future__ import annotations

import re
from typing import Literal

BounceClass = Literal["hard", "soft"]

HARD_STATUSES = {
    "5.1.1": "no such mailbox (RFC 3463)",
    "5.1.2": "no such domain (RFC 3463)",
    "5.1.3": "no valid address (RFC 3463)",
    "5.1.4": "the address names several mailboxes (RFC 3463)",
    "5.1.6": "the mailbox has moved and nobody knows where to (RFC 3463)",
    "5.1.10": "the domain takes no mail at all, null MX (RFC 7505)",
    "5.2.1": "the mailbox is disabled (RFC 3463)",
    "5.4.4": "there is no way to the domain: Postfix and others say so of names that don't exist (RFC 3463)",
    "5.7.17": "the mailbox belongs to somebody else by now (RFC 7293)",
    "5.7.18": "the domain belongs to somebody else by now (RFC 7293)",
}
"""Statuses that blame the address. Any other is soft, the vague ones below aside."""

VAGUE_STATUSES = frozenset({"5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.4.0", "5.5.0"})
"""Statuses that say no more than "permanent": the words decide."""

HARD_REPLY_CODES = {
    "550": "mailbox unavailable (RFC 5321 4.2.3)",
    "551": "user not local (RFC 5321 4.2.3)",
    "553": "mailbox name not allowed (RFC 5321 4.2.3)",
    "556": "the domain does not accept mail (RFC 7504)",
}
"""Reply codes that blame the address where neither a status nor words say more."""

_STATUS = re.compile(r"(?<![\d.])([245]\.[0-7]\.\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?:^|[\s:;(<\"'#])([45][0-5]\d)(?=[\s-])")
_NO_SUCH_ADDRESS = re.compile(
    r"""(?:user|mailbox|recipient|account|address|alias)\s(?:is\s|was\s)?(?:unknown|invalid|disabled|inactive|suspended)
    | (?:unknown|invalid|no\ssuch|nonexistent|non-existent|inactive|disabled|bad\sdestination)
      \s(?:local\s)?(?:user|mailbox|recipient|account|address|alias|person|domain|here)
    | does\s?n[o']t\s(?:exist|have\s(?:an?|any)\s[\w.@ -]{0,60}account)
    | (?:user|mailbox|recipient|account|address|host|domain(?:\sname)?)\s(?:could\s?)?(?:not|n't)\s(?:be\s)?found
    | no\s(?:longer|more)\s(?:exists?|valid|active|available|accepts?\smail|employed|works?|with\sus)
    | no\smailbox\s(?:here|by\sthat\sname) | not\sa\svalid\s(?:user|mailbox|recipient|address) | not\slisted\sin
    | undeliverable\saddress | unrouteable\saddress | addressee\sunknown | has\sbeen\s(?:disabled|deactivated|closed)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OTHER_FAULT = re.compile(
    r"""quota | (?:mailbox|inbox|account|storage|disk)\s(?:\w+\s)?(?:is\s)?full | exceeded\sstorage | insufficient\s
    | out\sof\sstorage | spam | junk | virus | malware | phish | block(?:ed|\s?list) | black\s?list | deny\s?list
    | dnsbl | reputation | polic(?:y|ies) | not\sauthori[sz]ed | unauthenticated | \bspf\b | \bdkim\b | \bdmarc\b
    | rate\slimit | too\s(?:big|large|many|long) | size\slimit | content\srejected | relay(?:ing)?\s(?:access\s)?denied
    | greylist | tim(?:ed|e)\s?out | try\s(?:again\s)?later | temporar | expired | loop
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Exchange Online's words for an address that its directory doesn't know, under a status for routing.
_UNKNOWN_TO_DIRECTORY = re.compile(r"recipient address rejected: access denied", re.IGNORECASE)


def bounce_class(status: str | None, *texts: str) -> BounceClass:
    """The class of a failure that is final.

    Args:
        status: the `Status` field (RFC 3464 2.3.4), if there is one.
        texts: the server's words, the most telling first; each is asked only if those before said nothing.
    """
    code = status if status and status not in VAGUE_STATUSES else _status_in(*texts) or status
    if code and code not in VAGUE_STATUSES:
        unknown = code.startswith("5.4.1") and any(_UNKNOWN_TO_DIRECTORY.search(text) for text in texts)
        return "hard" if code in HARD_STATUSES or unknown else "soft"
    for text in texts:
        if _NO_SUCH_ADDRESS.search(text):
            return "hard"
        if _OTHER_FAULT.search(text):
            return "soft"
        if match := _REPLY.search(text):
            return "hard" if match.group(1) in HARD_REPLY_CODES else "soft"
    return "soft"


def says_why(text: str) -> bool:
    """Whether a text holds a status of failure, or words for one."""
    status = _status_in(text)
    return bool((status and status[0] != "2") or _NO_SUCH_ADDRESS.search(text) or _OTHER_FAULT.search(text))


def status_of(text: str) -> str | None:
    """The status in a field's text, which may have a comment behind it; None where it can't be read."""
    match = _STATUS.search(text)
    return match.group(1) if match else None


def _status_in(*texts: str) -> str | None:
    """The first status that says something, else the first."""
    found = [status for text in texts for status in _STATUS.findall(text) if status[0] != "2"]
    return next((status for status in found if status not in VAGUE_STATUSES), found[0] if found else None)
