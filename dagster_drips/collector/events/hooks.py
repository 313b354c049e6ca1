"""POST /hooks/<name>: JSON of carts, CRMs and payments as events, by the rules of `sequences/hooks.yml`.

Here belong verifying the sender, finding values by their paths and making rows; the file's shape is in `hooks_config`.
A file that is changed counts from the next request on.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagster_drips.clock import format_time
from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.events.callers import SOURCE
from dagster_drips.collector.events.hooks_config import (
    EventRule,
    Hook,
    Place,
    Signature,
    Time,
    load_hooks,
)
from dagster_drips.collector.events.json_text import (
    BadJson,
    as_object,
    checked,
    first_byte,
    instant,
    items,
    members,
    one_line,
    quoted,
    scalar,
)
from dagster_drips.collector.kept_headers import kept_headers
from dagster_drips.errors import DripsError
from dagster_drips.sequences.catalog import HOOKS_FILE
from dagster_drips.settings import load_settings, variable_of

log = logging.getLogger(__name__)

_AMOUNT = re.compile(r"[+-]?(?:\d{1,14}(?:\.\d*)?|\.\d+)", re.ASCII)


@dataclass
class Mapped:
    """The events of one body, and why some that were meant are missing or lack a part."""

    events: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Delivery:
    """One request to a hook.

    Args:
        name: the hook's.
        content: the body's bytes.
        body: the same, checked.
        headers: by lower-case name.
        received_at: naive UTC.
    """

    name: str
    content: bytes
    body: Raw
    headers: Mapping[str, str]
    received_at: datetime

    def find(self, place: Place | None, item: Raw) -> Raw | None:
        """The value at that place; None where there is none."""
        if place is None:
            return None
        if place.source == "header":
            text = self.headers.get(place.keys[0])
            return None if text is None else quoted(text)
        value: Raw | None = self.body if place.source == "body" else item
        for key in place.keys:
            if value is None:
                return None
            value = _step(value, key)
        return value


def mapped(hook: Hook, delivery: Delivery) -> Mapped:
    """What a body means by a hook's rules; each rule that fits gives its events."""
    result = Mapped()
    for number, rule in enumerate(hook.events):
        conditions = rule.conditions
        for index, item in enumerate(_items_of(rule, delivery)):
            if all(scalar(delivery.find(place, item)) in texts for place, texts in conditions):
                _add_event(result, rule, delivery, item, f"{number}:{index}")
    return result


Proof = Literal["proven", "stale", "none"]


def proof_of(hook: Hook, secret: bytes | None, content: bytes, headers: Mapping[str, str], *, now: datetime) -> Proof:
    """Whether a request comes from who knows the hook's secret, compared in constant time.

    `stale`: it does, and was signed too long ago or ahead of the clock, so it may be a repetition.
    """
    if hook.open:
        return "proven"
    if secret is None:
        return "none"
    if hook.secret is not None:
        given = headers.get(hook.secret.header, "")
        expected = hook.secret.prefix.encode() + secret
        return "proven" if hmac.compare_digest(expected, given.encode("utf-8", "replace")) else "none"
    signature = hook.signature
    if signature is None or not _is_signed(signature, secret, content, headers):
        return "none"
    return "proven" if _is_fresh(signature, headers, now) else "stale"


class Hooks:
    """The project's hooks as the file says at the moment.

    Args:
        context: what requests need.
    """

    def __init__(self, context: CollectorContext):
        self._context = context
        self._file = context.project.sequences / HOOKS_FILE
        self._seen: tuple[int, int] | None = None
        self._hooks: dict[str, Hook] = {}
        self._secrets: dict[str, bytes] = {}
        self._is_usable = True
        self._reload()

    async def answer(self, request: Request) -> Response:
        """One delivery: 200 once its events are on disk, also where it has none for us."""
        self._reload()
        name, metrics = request.path_params["name"], self._context.metrics
        hook = self._hooks.get(name)
        if hook is None:
            if not self._is_usable:
                return _refusal(503, "hooks.yml has mistakes; see the collector's log, or drips validate")
            metrics.refused_hooks["unknown"].inc()
            return _refusal(404, "there is no such hook")
        secret = self._secrets.get(name)
        if secret is None and not hook.open:
            metrics.refused_hooks["no_secret"].inc()
            return _refusal(503, "this hook's secret is not set")
        content = await request.body()
        headers = {key.lower(): value for key, value in request.headers.items()}
        proof = proof_of(hook, secret, content, headers, now=self._context.now())
        if proof == "none":
            metrics.refused_hooks["signature"].inc()
            return _refusal(401, "the signature or secret is missing or wrong")
        if proof == "stale":
            metrics.refused_hooks["stale"].inc()
            log.warning("hook %s: refused: signed too long ago, or ahead of the clock", name)
            return _refusal(401, "signed too long ago, or ahead of the clock")
        try:
            body = checked(content)
        except BadJson as error:
            metrics.refused_hooks["not_json"].inc()
            return _refusal(400, str(error))
        result = mapped(hook, Delivery(name, content, body, headers, self._context.now()))
        if hook.open:
            # Anybody's word, as what comes with a page's key.
            result.events[:] = [row | {SOURCE: "page"} for row in result.events]
        if result.events:
            await self._context.land({"events": result.events})
        if result.problems:
            metrics.hook_problems[name].inc(len(result.problems))
            problems = {"problem": "; ".join(sorted(set(result.problems)))}
            kept = kept_headers(headers, _headers_named(hook))
            await self._context.writer.keep_raw(f"hooks-{name}", content, kept | problems)
        elif not result.events:
            metrics.hooks_without_events[name].inc()
        return JSONResponse({"success": True, "events": len(result.events)})

    def _reload(self) -> None:
        """Read the file where it has changed; with mistakes in it the hooks stay as they were."""
        try:
            stat = self._file.stat()
            seen = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            seen = None
        if seen == self._seen:
            return
        self._seen = seen
        if seen is None:
            self._hooks, self._is_usable = {}, True
            return
        try:
            # Read anew, so that a hook that is added while the collector runs finds its secret.
            settings = load_settings(self._context.project)
            self._hooks = load_hooks(self._context.project)
            self._secrets = {name: secret for name in self._hooks if (secret := settings.hook_secret_of(name))}
            self._is_usable = True
        except (DripsError, OSError, UnicodeDecodeError) as error:
            self._is_usable = False
            self._context.metrics.broken_hooks_files.inc()
            log.error("%s; the hooks stay as they were", error)
            return
        for name, hook in self._hooks.items():
            if name not in self._secrets and not hook.open:
                log.error("%s is not set; the hook %s answers 503", variable_of("HOOK_SECRET", name), name)


def routes(context: CollectorContext) -> list[Route]:
    """POST /hooks/<name>."""
    return [Route("/hooks/{name}", Hooks(context).answer, methods=["POST"])]


def _refusal(status: int, message: str) -> Response:
    headers = {"Retry-After": "60"} if status == 503 else None
    return JSONResponse({"success": False, "message": message}, status, headers)


def _step(value: Raw, key: str) -> Raw | None:
    if first_byte(value) == b"{":
        return members(value).get(key)
    if first_byte(value) == b"[" and key.isdecimal():
        listed = items(value)
        return listed[int(key)] if int(key) < len(listed) else None
    return None


def _items_of(rule: EventRule, delivery: Delivery) -> Iterable[Raw]:
    if rule.each is None:
        return [delivery.body]
    found = delivery.find(rule.each, delivery.body)
    return items(found) if found is not None else []


def _add_event(result: Mapped, rule: EventRule, delivery: Delivery, item: Raw, position: str) -> None:
    name = rule.event.name or scalar(delivery.find(rule.event.path, item))
    lead_id = scalar(delivery.find(rule.lead_id, item))
    for part, text in (("event", name), ("lead_id", lead_id)):
        if text is None or not text.strip():
            result.problems.append(f"events[{int(position.partition(':')[0]) + 1}].{part}: nothing is there")
            return
    row: dict[str, Any] = {
        "event_id": _event_id(rule, delivery, item, str(name), position),
        "lead_id": lead_id,
        "event": name,
        "occurred_at": format_time(_occurred(result, rule.occurred_at, delivery, item)),
        "received_at": format_time(delivery.received_at),
        "properties": _properties(rule, delivery, item),
    }
    amount = (scalar(delivery.find(rule.value, item)) or "").strip()
    if _AMOUNT.fullmatch(amount):
        row |= {"value": amount, "currency": scalar(delivery.find(rule.currency, item))}
    elif amount:
        result.problems.append("value: not a number")
    result.events.append(row)


def _event_id(rule: EventRule, delivery: Delivery, item: Raw, event: str, position: str) -> str:
    """Unique among hooks, events and items, and the same when the sender repeats itself."""
    given = scalar(delivery.find(rule.event_id, item))
    if given is None or not given.strip():
        return f"{delivery.name}:{hashlib.sha256(delivery.content).hexdigest()[:32]}:{position}"
    shared = rule.each is not None and rule.event_id is not None and rule.event_id.source != "item"
    return f"{delivery.name}:{event}:{given}" + (f":{position.partition(':')[2]}" if shared else "")


def _occurred(result: Mapped, time: Time | None, delivery: Delivery, item: Raw) -> datetime:
    """When it happened, at most when it was received; that too, with a problem noted, where the time can't be read."""
    text = scalar(delivery.find(time.path, item)) if time else None
    if time is None or text is None:
        return delivery.received_at
    happened = _read_time(text, time.format)
    if happened is None:
        result.problems.append(f"occurred_at: not a time by the format {time.format}")
        return delivery.received_at
    return min(happened, delivery.received_at)


def _read_time(text: str, written: str) -> datetime | None:
    if written == "iso":
        return instant(text)
    try:
        if written in ("unix", "unix_ms"):
            seconds = float(text) / (1000 if written == "unix_ms" else 1)
            return datetime(1970, 1, 1) + timedelta(seconds=seconds)
        value = datetime.strptime(text.strip(), written)
        return instant(value.isoformat())
    except (ValueError, OverflowError):
        return None


def _properties(rule: EventRule, delivery: Delivery, item: Raw) -> Raw:
    if rule.properties is None:
        return one_line(item) if first_byte(item) == b"{" else as_object({"item": item})
    found = {name: delivery.find(place, item) for name, place in rule.properties.items()}
    return as_object({name: value for name, value in found.items() if value is not None})


def _headers_named(hook: Hook) -> set[str]:
    """The headers that a hook's rules read, and its signature's; the one with the secret is none of them."""
    places = [place for rule in hook.events for place in rule.places]
    named = {place.keys[0] for place in places if place.source == "header"}
    if hook.signature is not None:
        named.add(hook.signature.header)
    return named - ({hook.secret.header} if hook.secret is not None else set())


def _parts(signature: Signature, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    split = [part.strip().partition("=") for part in headers.get(signature.header, "").split(",")]
    return [(name, value) for name, _, value in split]


def _signed_times(signature: Signature, headers: Mapping[str, str]) -> list[str]:
    assert signature.parts is not None
    return [value for name, value in _parts(signature, headers) if name == signature.parts.timestamp]


def _is_fresh(signature: Signature, headers: Mapping[str, str], now: datetime) -> bool:
    """Whether the time that was signed, if any is, lies near enough to the clock, before or after it."""
    if signature.parts is None:
        return True
    times = _signed_times(signature, headers)
    signed_at = _read_time(times[0], "unix") if times else None
    return signed_at is not None and abs((now - signed_at).total_seconds()) <= signature.parts.tolerance.total_seconds


def _is_signed(signature: Signature, secret: bytes, content: bytes, headers: Mapping[str, str]) -> bool:
    given = headers.get(signature.header, "")
    signed, signatures = content, [given]
    if signature.parts is not None:
        times = _signed_times(signature, headers)
        signatures = [value for name, value in _parts(signature, headers) if name == signature.parts.signature]
        signed = b"%s.%s" % (times[0].encode() if times else b"", content)
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    is_hex = signature.encoding == "hex"
    expected = digest.hex().encode() if is_hex else b64encode(digest)
    found = False
    for text in signatures:
        bare = text.strip().removeprefix(signature.prefix)
        found |= hmac.compare_digest(expected, (bare.lower() if is_hex else bare).encode("utf-8", "replace"))
    return found
