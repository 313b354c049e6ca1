"""By which ids and addresses one lead is known, found in what is kept for good: landing files and journals.

The warehouse is not asked: it follows from the files, and may be gone or half-made when this is done again after a
crash. Which rows of a file are the person's is the matter of `landing_rows` and `journal_rows`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

import msgspec

from dagster_drips.landing.forgotten import normalized_address


@dataclass
class Person:
    """One lead and what names them.

    Args:
        lead_id: as it was asked for.
        lead_ids: that, and the anonymous ids that count for this lead.
        addresses: normalized (L3); all they ever had, and those that mail went to.
        message_ids: of messages to them.
        enrollment_ids: of their enrollments.
    """

    lead_id: str
    lead_ids: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    message_ids: set[str] = field(default_factory=set)
    enrollment_ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.lead_ids.add(self.lead_id)

    def add_address(self, email: str | None) -> None:
        """Take one more address, if it is one."""
        if address := normalized_address(email):
            self.addresses.add(address)

    def is_mentioned(self, text: str) -> bool:
        """Whether a text without structure names them: an address, a message id, or the lead id as a word."""
        return self._mentions.search(text) is not None

    def seal(self) -> None:
        """To be called once no id or address will be added."""
        self.__dict__.pop("_mentions", None)
        self.__dict__.pop("_named", None)

    @cached_property
    def _named(self) -> re.Pattern[str] | None:
        names = {*self.addresses, *(quote(address, safe="") for address in self.addresses), *self.message_ids}
        return re.compile("|".join(map(_standing_alone, sorted(names))), re.IGNORECASE) if names else None

    @cached_property
    def _mentions(self) -> re.Pattern[str]:
        # In JSON the id may be written otherwise than it is.
        ids = {form for lead_id in self.lead_ids for form in (lead_id, msgspec.json.encode(lead_id).decode()[1:-1])}
        named = [self._named.pattern] if self._named else []
        return re.compile("|".join([*named, *map(_standing_alone, sorted(ids))]), re.IGNORECASE)


def _standing_alone(text: str) -> str:
    """`a@x.example` but not within `aa@x.example` or `a@x.example.org`; a full stop may end the sentence."""
    return rf"(?<![\w.+%-]){re.escape(text)}(?![\w-]|\.\w)"
