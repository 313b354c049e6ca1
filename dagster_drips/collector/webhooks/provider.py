"""What a mail provider's webhook is made of: how requests are verified, and which facts its events are.

Only the types and the vocabulary. Each provider fills them in a file of its own, from tables; answering requests is in
`receiving`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec

Fetch = Callable[[str], bytes]
"""Gets what lies at an https address; OSError where it can't. It blocks."""


class InvalidSignature(Exception):
    """The request is not signed by the provider, or lacks its secret."""


class Stale(Exception):
    """The request is the provider's, and was signed too long ago, or ahead of the clock: it may be a replay."""


class VerificationUnavailable(Exception):
    """Whether the request is the provider's can't be verified now; it may be sent again later."""


class Unreadable(Exception):
    """The body is not of the form that the provider documents."""


@dataclass(frozen=True)
class Fact:
    """What an event means in the contract's words: `type` and, for `bounced`, `bounce_class`."""

    type: str
    bounce_class: str | None = None


Facts = tuple[Fact, ...]

DELIVERED: Facts = (Fact("delivered"),)
DEFERRED: Facts = (Fact("deferred"),)
HARD: Facts = (Fact("bounced", "hard"),)
SOFT: Facts = (Fact("bounced", "soft"),)
OPENED: Facts = (Fact("opened"),)
CLICKED: Facts = (Fact("clicked"),)
COMPLAINED: Facts = (Fact("complained"),)
UNSUBSCRIBED: Facts = (Fact("unsubscribed"),)
RESUBSCRIBED: Facts = (Fact("resubscribed"),)
NOTHING: Facts = ()
"""A known event that says nothing about what became of a message."""


@dataclass(frozen=True)
class Event:
    """One event, as the provider's file read it.

    `event_id` is the provider's own, the same at each attempt to deliver the event. `message_id` is ours, None where
    the event names none. `occurred_at` is naive UTC, None where it can't be read: the time of receiving counts then.
    """

    name: str
    event_id: str
    message_id: str | None
    occurred_at: datetime | None
    facts: Facts | None
    topic: str | None = None
    url: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class WebhookRequest:
    """A request: its body as it came, its headers by lower-case name, and when (naive UTC)."""

    body: bytes
    headers: Mapping[str, str]
    at: datetime

    @cached_property
    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Unreadable: it is none.
        """
        try:
            return msgspec.json.decode(self.body)
        # Deep nesting, which anybody may send, ends as the second.
        except (msgspec.DecodeError, RecursionError) as error:
            raise Unreadable(str(error)) from None


@dataclass(frozen=True)
class Setup:
    """What the owner set for a provider, and how it reaches the web (Amazon's certificates only)."""

    values: tuple[str, ...]
    """`DRIPS_WEBHOOK_<PROVIDER>`, taken apart at commas; any of them will do, so that keys can be changed."""
    confirms: bool
    """`DRIPS_WEBHOOK_<PROVIDER>_CONFIRM`."""
    fetch: Fetch
    tolerance: timedelta
    """How far a signed time may lie from the clock; `DRIPS_WEBHOOK_<PROVIDER>_TOLERANCE` in seconds."""


@dataclass(frozen=True)
class WebhookVerifier:
    """Verifies the requests to one provider's webhook.

    Args:
        verify: returns where the request is the provider's; raises `InvalidSignature`, `Stale` or
            `VerificationUnavailable`.
        follow_up: what is to be done once the request is kept; raises `VerificationUnavailable` where it failed.
        challenge: the `WWW-Authenticate` header for requests without credentials, where the scheme has one.
    """

    verify: Callable[[WebhookRequest], Awaitable[None]]
    follow_up: Callable[[WebhookRequest], Awaitable[None]] | None = None
    challenge: str | None = None


@dataclass(frozen=True)
class Provider:
    """A mail provider.

    Args:
        name: as in `/webhooks/<name>` and `DRIPS_WEBHOOK_<NAME>`.
        verifier: made once from the settings; ValueError says what is wrong with them.
        read: the events of a request that was verified; what is no event at all is `Unreadable`.
        tolerance: how far a signed time may lie from the clock unless it is set; None: the provider signs no time.
        kept_headers: which headers of a request are kept with it, none of them with a secret.
    """

    name: str
    verifier: Callable[[Setup], WebhookVerifier]
    read: Callable[[WebhookRequest], Iterable[Event]]
    tolerance: timedelta | None = None
    kept_headers: tuple[str, ...] = ()


def require_fresh(request: WebhookRequest, signed_at: datetime | None, tolerance: timedelta) -> None:
    """Raises Stale where a signed time lies further from the clock than that, in either direction, or can't be read."""
    if signed_at is None:
        raise Stale("the signed time can't be read")
    if abs(request.at - signed_at) > tolerance:
        raise Stale(f"signed {(request.at - signed_at).total_seconds():.0f} s before the clock's time")
