"""Whether bytes name a person: their addresses and ids, as they are or in an encoding that mail and web make of them.

Only bytes are looked at here. Which files there are, and how databases and packed files are opened, is in `search`.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import quopri
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote_to_bytes

from dagster_drips.privacy.person import Person

_DEEPEST = 3
_HEX_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", re.IGNORECASE)
_BASE64 = re.compile(rb"(?<![\w+/-])[\w+/-]{12,}(?:\s{1,4}[\w+/-]{12,})*(?:\s{1,4}[\w+/-]{1,11}(?![\w+/-]))?")
_UNICODE_ESCAPE = re.compile(rb"\\u([0-9a-f]{4})", re.IGNORECASE)
_LEAST_LENGTH = 6


class Traces:
    """What a person is found by.

    A lead id that is short or a plain number stands in many places and means something else; it is looked for only as
    the value of `lead_id`.
    """

    def __init__(self, person: Person):
        self._addresses = sorted(address.encode() for address in person.addresses)
        self._ids = {one.encode() for one in (*person.message_ids, *person.enrollment_ids)}
        self.lead_ids = frozenset(person.lead_ids)
        telling = sorted(one.encode() for one in person.lead_ids if is_telling(one))
        plain = sorted({json.dumps(one)[1:-1].encode() for one in person.lead_ids if not is_telling(one)})
        # In other encodings of text, as of tables that Windows programs write.
        wide = [address.decode().encode(one) for address in self._addresses for one in ("utf-16-le", "utf-16-be")]
        self._needles = [*self._addresses, *(one.lower() for one in telling), *wide]
        standing_alone = [*self._addresses, *telling]
        self._named = re.compile(
            b"|".join([*map(_standing_alone, standing_alone), *map(re.escape, wide)]) or rb"(?!)", re.IGNORECASE
        )
        self._keyed = (
            re.compile(rb"""lead_id["']?\s*[:=]\s*["']?(?:%s)(?![\w.-])""" % b"|".join(map(re.escape, plain)))
            if plain
            else None
        )

    def found_in(self, content: bytes, *, encoded: bool = True) -> bool:
        """Whether the person is named in it.

        Args:
            content: bytes of a file, or a part of it that begins and ends with a line.
            encoded: look into what is encoded in it as well.
        """
        forms: Iterable[bytes] = forms_of(content) if encoded else (content,)
        return any(self._is_named_in(form) for form in forms)

    def _is_named_in(self, content: bytes) -> bool:
        lowered = content.lower()
        return bool(
            (any(needle in lowered for needle in self._needles) and self._named.search(content))
            or (self._ids and any(found.group() in self._ids for found in _HEX_ID.finditer(lowered)))
            or (self._keyed and self._keyed.search(content))
        )


def is_telling(lead_id: str) -> bool:
    """Whether a lead id says by itself that it is one: long enough, and no plain number."""
    return len(lead_id) >= _LEAST_LENGTH and not lead_id.isdigit()


def forms_of(content: bytes) -> Iterator[bytes]:
    """The bytes themselves, and what they say percent-encoded, escaped, quoted-printable, as HTML or in base64."""
    yield from _forms(content, frozenset(), 0)


def _forms(content: bytes, undone: frozenset[str], depth: int) -> Iterator[bytes]:
    yield content
    for name, is_there, undo in _ENCODINGS:
        if name not in undone and is_there.search(content):
            yield from _forms(undo(content), undone | {name}, depth)
    # A mail in a mail in a kept request: base64 stands within base64.
    if depth < _DEEPEST and (pieces := [piece for run in _BASE64.findall(content) if (piece := _from_base64(run))]):
        yield from _forms(b"\n".join(pieces), frozenset(), depth + 1)


def _unescaped(content: bytes) -> bytes:
    return _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)).encode("utf-8", "replace"), content)


def _without_entities(content: bytes) -> bytes:
    return html.unescape(content.decode("latin-1")).encode("utf-8", "replace")


# Name, what shows that it may hide something of an address or an id, and how it is undone.
_ENCODINGS: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes], bytes]], ...] = (
    ("percent", re.compile(rb"%(?:40|2[bdef]|5f|[46][1-9a-f])", re.IGNORECASE), unquote_to_bytes),
    ("json", re.compile(rb"\\u00[0-7]"), _unescaped),
    ("quoted-printable", re.compile(rb"=(?:40|3d|\r?\n)", re.IGNORECASE), quopri.decodestring),
    ("html", re.compile(rb"&(?:#x?0*[46]|commat)", re.IGNORECASE), _without_entities),
)


def _from_base64(run: bytes) -> bytes:
    plain = b"".join(run.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return b""


def _standing_alone(text: bytes) -> bytes:
    """`a@x.example` but not within `aa@x.example` or `a@x.example.org`; a full stop may end the sentence."""
    return rb"(?<![\w.+%-])" + re.escape(text) + rb"(?![\w-]|\.\w)"
