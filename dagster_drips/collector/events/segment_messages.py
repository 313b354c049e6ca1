"""Messages of Segment's spec (track, identify, page, screen, group, alias) as rows of the contract's normal form.

Pure mapping: no HTTP, no disk. Names and meanings are those of Segment's public spec (Common Fields, Track, Identify,
Page, Screen, Group, Alias, and Ecommerce v2 for amounts); what traits become is in `identities`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dagster_drips.clock import format_time
from dagster_drips.collector.events.callers import SOURCE, Caller, NotAllowed, Subject
from dagster_drips.collector.events.identities import FieldNames, Recent, lead_row, link_id
from dagster_drips.collector.events.json_text import (
    as_object,
    encoded,
    first_byte,
    instant,
    members,
    one_line,
    quoted,
    scalar,
)
from dagster_drips.vocabulary import IDENTIFIED

Row = dict[str, Any]
Id = str | int | None
Part = Raw | UnsetType

_VIEWED = {"page": "page_viewed", "screen": "screen_viewed"}
_AMOUNT = re.compile(r"[+-]?(?:\d{1,14}(?:\.\d*)?|\.\d+)", re.ASCII)
_MAY_HAVE_AMOUNT = re.compile(rb'"(?:revenue|value|currency)"')
# Steps on the way to an order and changes of one: the spec gives them `revenue` or `value`, yet nothing was sold.
_NO_SALES = frozenset(
    {
        "products searched", "product list viewed", "product list filtered", "promotion viewed", "promotion clicked",
        "product clicked", "product viewed", "product added", "product removed", "cart viewed", "checkout started",
        "checkout step viewed", "checkout step completed", "payment info entered", "order updated", "order refunded",
        "order cancelled", "coupon entered", "coupon applied", "coupon denied", "coupon removed",
        "product added to wishlist", "product removed from wishlist", "wishlist product added to cart",
        "product shared", "cart shared", "product reviewed",
    }
)  # fmt: skip


class BadMessage(ValueError):
    """A message that can't become a row; the text says why."""


class Message(msgspec.Struct, rename="camel"):
    """One message as it came; parts whose spelling counts are still JSON text."""

    type: str | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    properties: Part = UNSET
    traits: Part = UNSET
    context: Part = UNSET
    timestamp: Part = UNSET
    original_timestamp: Part = UNSET
    sent_at: Part = UNSET


class Envelope(msgspec.Struct, rename="camel"):
    """What a request holds beside its message or messages."""

    write_key: str | None = None
    sent_at: Part = UNSET
    context: Part = UNSET
    batch: list[Raw] | UnsetType = UNSET


decode_envelope = msgspec.json.Decoder(Envelope).decode
"""A request's body; raises `msgspec.MsgspecError` or `RecursionError`."""
_decode_message = msgspec.json.Decoder(Message).decode


class Intake:
    """Makes rows out of the messages of one request.

    Args:
        received_at: when the request came, naive UTC.
        envelope: of the request; its `sentAt` and `context` stand for those that a message lacks.
        names: which columns traits become.
        landed: keys of links and of identify calls that are landed already, and left out.
        caller: who posts them.

    `rows` are by kind; `keys` belong into `landed` once the rows are on disk; `left_out` are traits that a lead may
    not have; `bad_times` counts times that can't be read, for which the time of receipt stands.
    """

    def __init__(self, received_at: datetime, envelope: Envelope, names: FieldNames, landed: Recent, caller: Caller):
        self.rows: dict[str, list[Row | Raw]] = {}
        self.keys: list[str] = []
        self.left_out: list[str] = []
        self.bad_times = 0
        self._received = received_at
        self._received_text = format_time(received_at)
        self._envelope = envelope
        self._names = names
        self._landed = landed
        self._caller = caller

    def add(self, raw: Raw | bytes, call: str | None = None) -> str:
        """Take one message; its kind.

        Args:
            raw: the message.
            call: its kind; None: its `type` says it.

        Raises:
            BadMessage: it can't be taken; nothing was.
        """
        try:
            message = _decode_message(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BadMessage(f"not a message: {error}") from None
        call = call or message.type
        user, anonymous = _id(message.user_id), _id(message.anonymous_id)
        try:
            subject = self._caller.subject(user, anonymous, self._proof(message))
        except NotAllowed as error:
            raise BadMessage(str(error)) from None
        if subject is None:
            raise BadMessage("userId or anonymousId missing")
        if call == "track":
            if not message.event or not message.event.strip():
                raise BadMessage("event missing")
            self._event(message, subject, message.event, _object(message.properties, "properties"), sells=True)
        elif call == "page" or call == "screen":
            self._event(message, subject, _VIEWED[call], _viewed(message))
        elif call == "identify":
            self._identify(message, subject)
        elif call == "group":
            self._event(message, subject, "group", _grouped(message))
        elif call == "alias":
            previous = _id(message.previous_id)
            if subject.is_anonymous or previous is None:
                raise BadMessage("previousId or userId missing")
            subject = subject.known_before_as(previous)
        else:
            raise BadMessage(f"unknown type {call!r}" if call else "type missing")
        if not subject.is_anonymous and subject.anonymous_id not in (None, subject.lead_id):
            self._link(message, subject)
        return call

    def _event(
        self, message: Message, subject: Subject, event: str, properties: Raw | None, *, sells: bool = False
    ) -> None:
        row: Row = {
            "event_id": subject.key(_id(message.message_id) or str(uuid.uuid4())),
            "lead_id": subject.lead_id,
            "event": event,
            "occurred_at": self._occurred_text(message),
            "received_at": self._received_text,
        }
        if properties is not None:
            row["properties"] = properties
            if sells and _MAY_HAVE_AMOUNT.search(bytes(properties)):
                row |= _amounts(event, members(properties))
        self._add("events", row, subject)

    def _add(self, kind: str, row: Row, subject: Subject) -> None:
        if subject.source is not None:
            row[SOURCE] = subject.source
        # A batch may hold half a million traits: as text they take a tenth of the memory.
        self.rows.setdefault(kind, []).append(encoded(row) if kind == "leads" else row)

    def _identify(self, message: Message, subject: Subject) -> None:
        context = self._context(message)
        traits = _object(message.traits, "traits")
        # RudderStack's libraries put traits into the context.
        if "traits" in context:
            traits = as_object(members(context["traits"]) | (members(traits) if traits else {}))
        traits = traits or Raw(b"{}")
        # Somebody without an id and without an address can't be mailed, and is to be linked to a lead later: an event.
        if subject.is_anonymous and scalar(members(traits).get("email")) is None:
            self._event(message, subject, "identify", traits)
            return
        key = subject.own_key(f"identify:{message.message_id}")
        if message.message_id is not None and key in self._landed:
            return
        row, left_out = lead_row(subject.lead_id, self._occurred(message), traits, context, self._names)
        self._add("leads", row, subject)
        self.left_out += left_out
        if message.message_id is not None:
            self.keys.append(key)

    def _proof(self, message: Message) -> str | None:
        return scalar(self._context(message).get("userHash")) if self._caller.takes_proof else None

    def _context(self, message: Message) -> dict[str, Raw]:
        context = message.context if message.context is not UNSET else self._envelope.context
        return members(context) if isinstance(context, Raw) else {}

    def _link(self, message: Message, subject: Subject) -> None:
        anonymous_id = subject.anonymous_id or ""
        key = subject.own_key(link_id(anonymous_id, subject.lead_id))
        if key in self._landed or key in self.keys:
            return
        row = {
            "event_id": key,
            "lead_id": subject.lead_id,
            "event": IDENTIFIED,
            "occurred_at": self._occurred_text(message),
            "received_at": self._received_text,
            "properties": {"anonymous_id": anonymous_id},
        }
        self._add("events", row, subject)
        self.keys.append(key)

    def _occurred_text(self, message: Message) -> str:
        return format_time(self._occurred(message))

    def _occurred(self, message: Message) -> datetime:
        """When it happened by our clock: `receivedAt - (sentAt - timestamp)`, and never later than it was received."""
        stamp = message.timestamp if message.timestamp is not UNSET else message.original_timestamp
        text = scalar(stamp) if isinstance(stamp, Raw) else None
        if text is None:
            return self._received
        happened = instant(text)
        if happened is None:
            self.bad_times += 1
            return self._received
        sent = message.sent_at if message.sent_at is not UNSET else self._envelope.sent_at
        sent_at = instant(scalar(sent)) if isinstance(sent, Raw) else None
        try:
            corrected = happened if sent_at is None else self._received - (sent_at - happened)
        except OverflowError:
            self.bad_times += 1
            return self._received
        return min(corrected, self._received)


def _id(value: Id) -> str | None:
    """An id as text, untrimmed; a number equals its text, a blank one is none."""
    if value is None:
        return None
    text = str(value)
    return text if text.strip() else None


def _object(part: Part, name: str) -> Raw | None:
    """An object on one line. What is no object is kept as the member `name` of one, so that nothing is lost."""
    if not isinstance(part, Raw) or first_byte(part) == b"n":
        return None
    return one_line(part) if first_byte(part) == b"{" else as_object({name: part})


def _with(part: Raw | None, added: Mapping[str, str | None]) -> Raw | None:
    """An object with these texts in front, where it has no member of the name."""
    known = members(part) if part is not None else {}
    missing = {name: quoted(text) for name, text in added.items() if text is not None and name not in known}
    return as_object(missing | known) if missing else part


def _viewed(message: Message) -> Raw | None:
    return _with(_object(message.properties, "properties"), {"name": message.name, "category": message.category})


def _grouped(message: Message) -> Raw | None:
    return _with(_object(message.traits, "traits"), {"group_id": _id(message.group_id)})


def _amounts(event: str, properties: Mapping[str, Raw]) -> Row:
    """`value` and `currency` of a sale: `revenue`, or else `value`, where it is a number."""
    if event.strip().lower() in _NO_SALES:
        return {}
    for name in ("revenue", "value"):
        amount = scalar(properties.get(name))
        if amount is not None and _AMOUNT.fullmatch(amount.strip()):
            currency = scalar(properties.get("currency"))
            return {"value": amount.strip()} | ({"currency": currency} if currency else {})
    return {}
