"""What a template gets to see of its message, its lead and the event that brought it.

The names are those of the contract. The rows come from `delivery`, which sends, or from `collector`, which shows a
message again; how values behave inside a template (`Record`) is in `sandbox`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from dagster_drips.links.message_links import Links
from dagster_drips.templating.sandbox import Record


class MessageFacts(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What a template is told of its message: columns of `decide.due_steps`."""

    sequence_id: str
    step_id: str
    variant_id: str | None
    sender_name: str | None
    sender_email: str | None
    sender_reply_to: str | None
    trigger_kind: str
    triggered_at: datetime


def message_context(
    message: MessageFacts,
    *,
    lead: Mapping[str, Any],
    event: Mapping[str, Any] | None,
    sequence_name: str,
    links: Links,
    content: Record | None = None,
) -> dict[str, Any]:
    """What a template sees, as the contract lists it. NULL is undefined, so that `default` covers it.

    Args:
        message: which one it is.
        lead: the lead's columns, custom fields included; names that start with `_` are ours and stay out.
        event: the triggering row of `raw.events`; None for the built-in triggers.
        sequence_name: the sequence's name for people.
        links: the message's own links.
        content: what was frozen of content models (M9); None: nothing.
    """
    sender = {"name": message.sender_name, "email": message.sender_email, "reply_to": message.sender_reply_to}
    return {
        "lead": Record("lead", _public(lead)),
        "event": _event_record(event, message.trigger_kind, message.triggered_at),
        "sequence": Record("sequence", {"id": message.sequence_id, "name": sequence_name}),
        "step": Record("step", {"id": message.step_id, "variant": message.variant_id}),
        "sender": Record("sender", sender),
        **({} if content is None else {"content": content}),
        "unsubscribe_url": links.unsubscribe_url,
        "preferences_url": links.preferences_url,
        "view_url": links.view_url,
        **({"confirm_url": links.confirm_url} if links.confirm_url else {}),
    }


def _event_record(event: Mapping[str, Any] | None, trigger_kind: str, triggered_at: datetime) -> Record:
    if event is None:
        properties = Record("event.properties", {})
        return Record("event", {"event": trigger_kind, "occurred_at": triggered_at, "properties": properties})
    properties = json.loads(event.get("properties") or "{}")
    return Record("event", {**_public(event), "properties": Record("event.properties", _without_nulls(properties))})


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
