"""Events over HTTP as Segment's and RudderStack's client libraries send them, and `drips.js` for browsers.

Here belong addresses, compression, limits and answers; who may post is in `callers`, what a message means in
`segment_messages`.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import zlib
from base64 import b64decode
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import UNSET, Raw
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dagster_drips.collector.context import CollectorContext
from dagster_drips.collector.events.callers import Caller, Callers, HourlyQuota, QuotaExceeded
from dagster_drips.collector.events.identities import FieldNames, Recent
from dagster_drips.collector.events.known_fields import KnownFields
from dagster_drips.collector.events.message_limits import may_be_too_deep, may_have_problems, message_problem
from dagster_drips.collector.events.segment_messages import BadMessage, Envelope, Intake, decode_envelope

MOST_BYTES = 8 * 1024 * 1024
"""The largest body after decompression; how much may come over the wire is the collector's limit."""
MOST_MESSAGES = 10_000
"""Messages of one request."""

MOST_VALUES = 500_000
"""Commas in the body of a request, and so at most as many values."""
_IN_A_ROW = 100
_CHARGED_ALREADY = 8 * 1024
"""Bytes of a body that the charge of any request covers."""
_LEFT_OUT = "these traits are no fields of a lead, or too many new ones came with this key: {}"

_CALLS = {
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
    "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias",
}  # fmt: skip
_BATCHES = frozenset({"batch", "b", "import"})
_WITHOUT_VERSION = ("track", "identify", "page", "screen", "group", "alias", "batch", "import")
_RAW_SOURCE = "events"

_FOR_ALL = {"access-control-allow-origin": "*"}
_PREFLIGHT = _FOR_ALL | {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type, content-encoding, anonymousid",
    "access-control-max-age": "86400",
}
_ASK_FOR_KEY = {"www-authenticate": 'Basic realm="write key"'}
# A response holds nothing of a request, so one does for all.
_SUCCESS = Response(b'{"success":true}', 200, _FOR_ALL, "application/json")


class _Refused(Exception):
    """A request that is answered with an error, in the form that the client libraries read."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers or {}

    def response(self) -> Response:
        body = msgspec.json.encode({"success": False, "code": self.code, "message": str(self)})
        return Response(body, self.status, _FOR_ALL | self.headers, "application/json")


class SegmentApi:
    """Answers the API's requests, as an ASGI application: Starlette's way by functions costs a tenth of an event.

    Args:
        context: its settings hold the keys; without any, every request is refused.
    """

    def __init__(self, context: CollectorContext):
        self._context = context
        self._callers = Callers(context.settings)
        self._fields = KnownFields(context.project)
        self._names: dict[bytes, FieldNames] = {}
        self._landed = Recent()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """POST of one message or of a batch, by the last part of the path; OPTIONS for browsers of other sites."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        try:
            name = request.scope["path"].rsplit("/", 1)[-1]
            if name not in _CALLS and name not in _BATCHES:
                raise _Refused(404, "not_found", f"there is no call {name!r}")
            await self._take(request, _CALLS.get(name))
        except _Refused as refused:
            self._context.metrics.refused_events[refused.code].inc()
            return refused.response()
        return _SUCCESS

    async def _take(self, request: Request, call: str | None) -> None:
        key = _basic_user(request.headers.get("authorization")) or b""
        found = self._callers.who(key)
        if found is None and not self._callers.are_there:
            message = "nobody may post events: neither DRIPS_WRITE_KEYS nor DRIPS_PAGE_KEYS is set"
            raise _Refused(401, "no_write_keys", message, _ASK_FOR_KEY)
        received_at = self._context.now()
        body = _text(await request.body(), request.headers.get("content-encoding", ""))
        if len(body) <= _CHARGED_ALREADY:
            await self._take_body(request, call, body, key, found, received_at)
            return
        # The body stays until its rows are on disk, and they take as much again.
        with self._context.memory.held(2 * len(body)):
            await self._take_body(request, call, body, key, found, received_at)

    async def _take_body(
        self,
        request: Request,
        call: str | None,
        body: bytes,
        key: bytes,
        found: tuple[Caller, HourlyQuota | None] | None,
        received_at: datetime,
    ) -> None:
        envelope = _envelope(body)
        if found is None:
            key = (envelope.write_key or request.query_params.get("writeKey") or "").encode("utf-8", "replace")
            found = self._callers.who(key)
        if found is None:
            raise _Refused(401, "invalid_write_key", "the write key is missing or not one of ours", _ASK_FOR_KEY)
        if found[1] is None and "origin" in request.headers:
            # Browsers say so, libraries don't: this key is public by now, and can do all that a server's can.
            self._context.metrics.server_key_in_a_page.inc()
        caller = self._let_in(*found, messages=1 if call or envelope.batch is UNSET else len(envelope.batch))
        intake = Intake(received_at, envelope, self._names_of(key, caller), self._landed, caller)
        if call is None:
            refused = await self._add_batch(intake, envelope, body)
        else:
            refused = self._add_one(intake, body, call)
        await self._context.land(intake.rows)
        self._landed.add(intake.keys)
        for problem, messages in refused.items():
            await self._context.writer.keep_raw(_RAW_SOURCE, msgspec.json.encode(messages), {"problem": problem[:200]})
        metrics = self._context.metrics
        if intake.left_out:
            metrics.traits_left_out.inc(len(intake.left_out))
        if intake.bad_times:
            metrics.unreadable_event_times.inc(intake.bad_times)

    def _names_of(self, key: bytes, caller: Caller) -> FieldNames:
        """Names that one key makes up must not stand in the way of others'."""
        if key not in self._names:
            self._names[key] = FieldNames(self._fields.__contains__, most=caller.most_new_fields)
        return self._names[key]

    def _add_one(self, intake: Intake, body: bytes, call: str) -> dict[str, list[Raw]]:
        try:
            if may_have_problems(body) or may_be_too_deep(body):
                _check(body)
            self._context.metrics.messages[intake.add(body, call)].inc()
        except BadMessage as problem:
            raise _Refused(400, "invalid_message", str(problem)) from None
        return {_LEFT_OUT.format(_listed(intake.left_out)): [Raw(body)]} if intake.left_out else {}

    async def _add_batch(self, intake: Intake, envelope: Envelope, body: bytes) -> dict[str, list[Raw]]:
        """Take what can be taken; the rest by its problem, as a library drops a whole batch that is refused."""
        if envelope.batch is UNSET:
            raise _Refused(400, "invalid_request", "batch missing")
        if len(envelope.batch) > MOST_MESSAGES:
            raise _Refused(413, "too_large", f"more than {MOST_MESSAGES} messages in a request")
        if isinstance(envelope.context, Raw) and len(bytes(envelope.context)) * len(envelope.batch) > MOST_BYTES:
            raise _Refused(413, "too_large", "the batch's context is too large for so many messages")
        refused: dict[str, list[Raw]] = {}
        cut: list[Raw] = []
        left_out = 0
        suspicious = may_have_problems(body)
        calls: dict[str, int] = {}
        for begin in range(0, len(envelope.batch), _IN_A_ROW):
            if begin:
                # Others have their turn between the parts of a large batch.
                await asyncio.sleep(0)
            for message in envelope.batch[begin : begin + _IN_A_ROW]:
                try:
                    if suspicious or may_be_too_deep(bytes(message)):
                        _check(bytes(message))
                    call = intake.add(message)
                    calls[call] = calls.get(call, 0) + 1
                except BadMessage as problem:
                    refused.setdefault(str(problem), []).append(message)
                if len(intake.left_out) != left_out:
                    left_out = len(intake.left_out)
                    cut.append(message)
        for call, number in calls.items():
            self._context.metrics.messages[call].inc(number)
        for messages in refused.values():
            self._context.metrics.refused_messages.inc(len(messages))
        return refused | ({_LEFT_OUT.format(_listed(intake.left_out)): cut} if cut else {})

    def _let_in(self, caller: Caller, quota: HourlyQuota | None, *, messages: int) -> Caller:
        """The caller, unless the messages are more than its quota."""
        if quota is not None:
            try:
                quota.take(messages, self._context.now())
            except QuotaExceeded as error:
                self._context.metrics.messages_over_the_ceiling.inc(messages)
                raise _Refused(429, "too_many", str(error), {"retry-after": str(error.seconds)}) from None
        return caller


def _check(message: bytes) -> None:
    """See that a message is within the limits.

    Raises:
        BadMessage: it isn't.
    """
    problem = message_problem(message)
    if problem is not None:
        raise BadMessage(problem)


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name[:40]) for name in dict.fromkeys(names[:5]))


def _basic_user(header: str | None) -> bytes | None:
    """The user of basic authentication; the password doesn't matter, nor does a missing colon (RFC 7617)."""
    scheme, _, credentials = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(credentials.strip(), validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return None


def _text(body: bytes, encoding: str) -> bytes:
    """A body, decompressed within bounds."""
    if encoding.strip().lower() in ("gzip", "x-gzip"):
        inflater = zlib.decompressobj(wbits=31)
        try:
            body = inflater.decompress(body, MOST_BYTES + 1)
        except zlib.error:
            raise _Refused(400, "invalid_request", "the body is not gzip") from None
        if len(body) <= MOST_BYTES and not inflater.eof:
            raise _Refused(400, "invalid_request", "the body is cut off")
    elif encoding.strip().lower() not in ("", "identity"):
        raise _Refused(415, "invalid_request", "Content-Encoding may be gzip or identity")
    if len(body) > MOST_BYTES:
        raise _Refused(413, "too_large", f"more than {MOST_BYTES} bytes")
    return body


def _envelope(body: bytes) -> Envelope:
    # Each value is an object while the body is taken apart, however short it is.
    if len(body) > MOST_VALUES and body.count(b",") > MOST_VALUES:
        raise _Refused(413, "too_large", f"more than {MOST_VALUES} values in a request")
    try:
        # Parts are kept as they were written, so their letters are checked here.
        body.decode()
        return decode_envelope(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused(400, "invalid_request", f"the body is not JSON of the right form: {error}") from None


def script_route() -> Route:
    """GET /drips.js: the snippet for browsers, which may keep it for an hour."""
    script = (Path(__file__).parent / "static" / "drips.js").read_bytes()
    tag = f'"{hashlib.sha256(script).hexdigest()[:16]}"'
    headers = _FOR_ALL | {
        "cache-control": "public, max-age=3600",
        "cross-origin-resource-policy": "cross-origin",
        "etag": tag,
        "x-content-type-options": "nosniff",
    }

    async def answer(request: Request) -> Response:
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(script, 200, headers, "text/javascript")

    return Route("/drips.js", answer)


def routes(context: CollectorContext) -> list[Route]:
    """The API under `/v1/`, without it, as RudderStack's browser SDK posts it (`/beacon/v1/`), and `/drips.js`."""
    api = SegmentApi(context)
    paths = ["/v1/{call}", *(f"/{name}" for name in _WITHOUT_VERSION), "/beacon/v1/batch"]
    return [*(Route(path, api, methods=["POST", "OPTIONS"]) for path in paths), script_route()]
