"""What became of a message, in one vocabulary whatever the server says (RFC 5321, RFC 3463).

Here belong outcomes and how a reply becomes one. When to try again is `retries`' matter, when to give
a server up `breaker`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

OutcomeKind = Literal["sent", "deferred", "bounced", "failed", "in_doubt"]
Stage = Literal["MAIL", "RCPT", "DATA", "BODY"]

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
# The server wants a login, TLS, or others than ours (RFC 3207, RFC 4954).
_NOT_ALLOWED_IN = frozenset({454, 530, 534, 535, 538})
# The address is none, or nobody's (RFC 3463 3.2, 3.3): that says nothing of us.
_ABOUT_THE_READER = re.compile(r"5\.1\.(1|2|3|6|10)$|5\.2\.\d+$")
_LONGEST_DETAIL = 500


@dataclass(frozen=True)
class Reply:
    """A server's reply; `code` is -1 where it can't be read, `text` has its lines joined."""

    code: int
    text: str

    @property
    def is_goodbye(self) -> bool:
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
    lost = reply.is_goodbye
    if code in _NOT_ALLOWED_IN:
        return _outcome("deferred", reply, not_allowed_in=True)
    if code // 100 == 5:
        enhanced = _ENHANCED.match(reply.text)
        reader = stage == "RCPT" and enhanced is not None and _ABOUT_THE_READER.match(enhanced.group(1))
        return _outcome("bounced" if stage == "RCPT" else "failed", reply, blames_server=not reader)
    return _outcome("deferred", reply, lost_connection=lost, blames_server=stage != "RCPT" and not lost)


def lost(where: str, reason: str) -> str:
    """How the end of a connection is told."""
    return cut(f"the connection was lost {where} ({reason})")


def cut(text: str) -> str:
    """A detail no longer than the log keeps."""
    return text[:_LONGEST_DETAIL]


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
