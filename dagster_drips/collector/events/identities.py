"""Who somebody is: traits as rows of leads, and links from anonymous ids to leads.

A row of leads made here says something of the columns in its `changed_fields` only, as an identify call names a few
traits of somebody of whom the warehouse may know more; `stg_leads` puts the rows together. A link is the event
`identified`, whose lead was known by `anonymous_id` before; `stg_identities` and `stg_events` follow it. The collector
keeps nothing of this but what it has landed lately.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Raw

from dagster_drips.clock import format_time
from dagster_drips.collector.events.json_text import first_byte, instant, members, one_line, scalar
from dagster_drips.field_names import MAX_FIELDS
from dagster_drips.vocabulary import IDENTIFIED, LEAD_FIELDS

log = logging.getLogger(__name__)

# Traits of Segment's spec that have another name among a lead's columns.
_COLUMNS = {"firstname": "first_name", "lastname": "last_name", "time_zone": "timezone"}
_KNOWN = frozenset({*LEAD_FIELDS, "created_at"})
# What a row says of itself, and what it can't say of a lead.
_NO_FIELDS = frozenset({"lead_id", "updated_at", "changed_fields"})
_LONGEST_NAME = 60
_MOST_SPELLINGS = 10_000
# Of these the spec has objects: their parts become fields of their own, the part that a column holds first.
_PARTS = {"address": ("country", "country"), "company": ("name", "company")}
_NO_WORD = re.compile(r"\W+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class FieldNames:
    """Which columns the traits of one write key become.

    Args:
        known: whether the project has a column of that name already.
        most: names new to the project that this key may bring in; further ones are left out.
    """

    def __init__(self, known: Callable[[str], bool] = lambda _: False, most: int = MAX_FIELDS):
        self._known = known
        self._most = most
        self._new: set[str] = set()
        self._columns: dict[str, str] = {}

    def column(self, trait: str) -> str | None:
        """The column of a trait: its name in snake case; None where a lead can't have one of that name."""
        if trait in self._columns:
            return self._columns[trait]
        name = snake_case(trait[: 2 * _LONGEST_NAME])
        name = _COLUMNS.get(name, name)
        if not name or len(name) > _LONGEST_NAME or name in _NO_FIELDS:
            return None
        if name not in _KNOWN and name not in self._new and not self._known(name):
            if len(self._new) >= self._most:
                return None
            self._new.add(name)
            if len(self._new) == self._most:
                log.warning("one write key has brought in %d names of new fields; it may bring in no more", self._most)
        # One column has many spellings, of any length: only so many are kept at hand.
        if len(trait) <= 2 * _LONGEST_NAME and len(self._columns) < _MOST_SPELLINGS:
            self._columns[trait] = name
        return name


class Recent:
    """The keys landed last; older ones are forgotten.

    Args:
        most: how many are remembered.
    """

    def __init__(self, most: int = 100_000):
        self._most = most
        self._keys: dict[str | bytes, None] = {}

    def __contains__(self, key: str) -> bool:
        return _short(key) in self._keys

    def add(self, keys: Iterable[str]) -> None:
        """Remember these."""
        for key in keys:
            self._keys[_short(key)] = None
        while len(self._keys) > self._most:
            del self._keys[next(iter(self._keys))]


def _short(key: str) -> str | bytes:
    """A long key by its hash, so that what is remembered has a bound in bytes, too."""
    return key if len(key) <= _LONGEST_NAME else hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def snake_case(name: str) -> str:
    """`firstName`, `First Name` and `first-name` as `first_name`; letters of any alphabet are kept."""
    return _NO_WORD.sub("_", _HUMP.sub("_", name)).strip("_ ").lower()


def lead_row(
    lead_id: str, occurred_at: datetime, traits: Raw, context: Mapping[str, Raw], names: FieldNames
) -> tuple[dict[str, Any], list[str]]:
    """A row of leads, and the traits that a lead may not have.

    Args:
        lead_id: whose traits.
        occurred_at: of the call; also when the lead began where no trait says so.
        traits: a JSON object; a null takes a value away.
        context: of the call; `locale` and `timezone` stand for traits that aren't there.
        names: decides the columns.
    """
    fields: dict[str, Raw] = {}
    created: str | None = None
    left_out = []
    for trait, value in _flat(members(traits)):
        column = names.column(trait)
        if column == "created_at" and (time := instant(scalar(value))) is not None:
            created = created or format_time(time)
        elif column is None or column == "created_at" or column in fields:
            left_out.append(trait)
        else:
            fields[column] = one_line(value)
    for column in ("locale", "timezone"):
        if column in context and column not in fields and scalar(context[column]):
            fields[column] = context[column]
    now = format_time(occurred_at)
    own = {"lead_id": lead_id, "created_at": created or now, "updated_at": now, "changed_fields": list(fields)}
    return own | fields, left_out


def link_id(anonymous_id: str, lead_id: str) -> str:
    """The idempotency key of a link: the same two are linked once, however often they are met."""
    text = f"{IDENTIFIED}:{len(anonymous_id)}:{anonymous_id}:{lead_id}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _flat(traits: Mapping[str, Raw]) -> Iterable[tuple[str, Raw]]:
    """Traits with the parts of `address` and `company` as traits of their own: `company`, `company_industry`, …"""
    for trait, value in traits.items():
        known = _PARTS.get(trait.lower())
        if known is None or first_byte(value) != b"{":
            yield trait, value
            continue
        part_of_column, column = known
        for part, inner in members(value).items():
            is_column = part.lower() == part_of_column and (column == trait.lower() or column not in traits)
            yield (column if is_column else f"{trait}_{part}"), inner
