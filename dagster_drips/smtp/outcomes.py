"""What became of a message, in one vocabulary whatever the server says (RFC 5321, RFC 3463).

Here belong outcomes and how a reply becomes one. Whom a refusal blames is read in `refusals`. When to try again is
decided in `delivery.retries`, when to give a server up in `circuit_breaker`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dagster_drips.smtp.refusals import Blame, blame, status_in
from dagster_drips.smtp.reply_text import LONGEST_TEXT

OutcomeKind = Literal["sent", "deferred", "bounced", "failed", "in_doubt"]
Stage = Literal["MAIL", "RCPT", "DATA", "BODY"]

_MAILBOX_STATUS = re.compile(r"5\.2\.\d+$")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
# The server wants a login, TLS, or others than ours (RFC 3207, RFC 4954).
_NOT_ALLOWED_IN = frozenset({454, 530, 534, 535, 538})
# What waiting doesn't help ends the message; anything else is put off.
_ENDS: dict[Blame, OutcomeKind] = {
    "address": "bounced",
    "sender": "failed",
    "content": "failed",
    "policy": "failed",
    "unknown": "failed",
}
# The reader's address or mailbox: that says nothing of us.
_ABOUT_THE_READER = frozenset({"address", "storage"})


@dataclass(frozen=True)
class Reply:
    """A server's reply; `code` is -1 where it can't be read, `text` has its lines joined, as they can be shown."""

    code: int
    text: str

    @property
    def closes_connection(self) -> bool:
        """Whether the connection ends with it: 421, or nothing that SMTP knows."""
        return self.code == 421 or self.code // 100 not in (2, 3, 4, 5)


@dataclass(frozen=True)
class Outcome:
    """What became of one message.

    `sent`: the server took it. `deferred`: it did not, later it may. `bounced`: it refuses this recipient for good.
    `failed`: it refuses the message for good. `in_doubt`: the whole message went out and no answer came back.
    """

    outcome: OutcomeKind
    smtp_code: int | None = None
    enhanced_code: str | None = None
    detail: str | None = None
    lost_connection: bool = False
    """The connection ended with this message, by the server's or the network's doing."""
    not_allowed_in: bool = False
    """The server takes nothing from us as we are: going on is useless."""
    blames_server: bool = False
    """A refusal that may have nothing to do with this message or recipient."""


def outcome_of(stage: Stage, reply: Reply) -> Outcome:
    """What a reply that ends a transaction means: a refusal of the envelope, or any answer to the whole message."""
    code = reply.code
    if stage == "BODY" and code // 100 == 2:
        return _outcome("sent", reply)
    if stage == "BODY" and code // 100 not in (4, 5):
        return _outcome("in_doubt", reply, lost_connection=True)
    lost = reply.closes_connection
    if code in _NOT_ALLOWED_IN:
        return _outcome("deferred", reply, not_allowed_in=True)
    if code // 100 == 5:
        return _refusal(stage, reply)
    return _outcome("deferred", reply, lost_connection=lost, blames_server=stage != "RCPT" and not lost)


def _refusal(stage: Stage, reply: Reply) -> Outcome:
    """A no for good (5xx).

    Only what blames the address itself bounces (L3): at RCPT, or as the answer to a message, which has one recipient.
    What may pass, or be corrected on our side, is put off; the circuit breaker limits how many try.
    """
    status = status_in(reply.text)
    whose = blame(None, reply.text, code=reply.code)
    if whose == "address" and stage not in ("RCPT", "BODY"):
        whose = "sender"  # nobody else has been named, or the recipient has been taken
    about_reader = whose in _ABOUT_THE_READER or bool(status and _MAILBOX_STATUS.match(status))
    return _outcome(_ENDS.get(whose, "deferred"), reply, blames_server=not about_reader)


def lost(where: str, reason: str) -> str:
    """How the end of a connection is described."""
    return cut(f"the connection was lost {where} ({reason})")


def cut(text: str) -> str:
    """A detail no longer than the log keeps."""
    return text[:LONGEST_TEXT]


def _outcome(
    kind: OutcomeKind,
    reply: Reply,
    *,
    lost_connection: bool = False,
    not_allowed_in: bool = False,
    blames_server: bool = False,
) -> Outcome:
    enhanced = _ENHANCED.match(reply.text)
    return Outcome(
        kind,
        reply.code if reply.code > 0 else None,
        enhanced.group(1) if enhanced else None,
        cut(reply.text),
        lost_connection,
        not_allowed_in,
        blames_server,
    )
