"""Finding new landing objects without listing all that ever came.

A listing costs a request for 1,000 keys. So keys are taken by families: what stands before the first digit of a key,
such as `landing/events/collected-`. Names that begin with a time, a day or a number grow within their family, and a
listing begins behind the last one that was there ten minutes ago, in each family; keys of a family that nobody has seen
are met on the way. A key that sorts before what was there is found by the next listing of all: these take at most half
a percent of the time, and come once a day at least. Where a listing of all is as cheap, each one is.

Here belongs which keys are looked at; what is done with them is `landed`'s.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dagster_drips.object_store.known_objects import KnownObjects
from dagster_drips.object_store.port import ObjectFacts, ObjectStore

LANDING = "landing"
"""The folder of landing files, as below `data/`."""

_PAGE = 1_000
_OVERLAP_SECONDS = 600.0
"""Writers whose clocks differ, and uploads that take long, may come so late behind later names."""
_SHARE = 1 / 200
_LONGEST_BETWEEN = 86_400.0
_FAMILY = re.compile(r"[^0-9]*(?=[0-9])")
_ASIDE = {f"{LANDING}/packed/": f"{LANDING}/packed0", f"{LANDING}/raw/": f"{LANDING}/raw0"}
"""Folders that only a restore reads, as families that have no key behind their mark: `0` comes after `/`."""
_WHOLE_AT, _WHOLE_TOOK, _WHOLE_COUNT = "listed_at", "listed_in", "listed"


def family_of(key: str) -> str | None:
    """The family of a key; None where it has no digit."""
    for folder in _ASIDE:
        if key.startswith(folder):
            return folder
    found = _FAMILY.match(key)
    return found[0] if found else None


@dataclass
class Listing:
    """One look into the landing folder of a bucket; `end` after all that it showed was dealt with.

    Args:
        store: the bucket.
        known: what is remembered.
        whole: list everything, whenever that was done last.
    """

    store: ObjectStore
    known: KnownObjects
    whole: bool = False

    def __post_init__(self) -> None:
        self._began = time.time()
        self._marks = self.known.marks()
        self.whole = self.whole or self._whole_is_due()
        self._latest: dict[str, str] = {}
        self._count = 0
        self._listed_in = 0.0

    def objects(self) -> Iterator[ObjectFacts]:
        """What there is to look at, in the order of keys."""
        marks = _ASIDE if self.whole else _ASIDE | {name: settled for name, (settled, _, _) in self._marks.items()}
        for facts in listed_behind(self.store, marks):
            self._count += 1
            if family := family_of(facts.key):
                self._latest[family] = facts.key
            yield facts
        self._listed_in = time.time() - self._began

    def end(self) -> None:
        """All that was shown is here: what comes later is found behind it."""
        moved = {}
        for family, key in self._latest.items():
            settled, latest, moved_at = self._marks.get(family, ("", "", 0.0))
            if self._began - moved_at >= _OVERLAP_SECONDS:
                # What was the last key then is behind us for that long now.
                settled, moved_at = latest, self._began
            moved[family] = (settled, max(key, latest), moved_at)
        self.known.note_marks(moved)
        if self.whole:
            self.known.note_fact(_WHOLE_AT, str(self._began))
            self.known.note_fact(_WHOLE_TOOK, str(self._listed_in))
            self.known.note_fact(_WHOLE_COUNT, str(self._count))

    def _whole_is_due(self) -> bool:
        at = float(self.known.fact(_WHOLE_AT) or 0)
        took, count = float(self.known.fact(_WHOLE_TOOK) or 0), int(self.known.fact(_WHOLE_COUNT) or 0)
        pause = min(max(_OVERLAP_SECONDS, took / _SHARE), _LONGEST_BETWEEN)
        # A request for each family and one more, or one for each thousand objects.
        is_as_cheap = count <= _PAGE * (len(self._marks) + 1)
        return is_as_cheap or not 0 <= self._began - at < pause


def listed_behind(store: ObjectStore, marks: Mapping[str, str]) -> Iterator[ObjectFacts]:
    """All landing objects but those of a family up to its mark."""
    after: str | None = ""
    while after is not None:
        begun, after = after, None
        for facts in store.list(LANDING, after=begun):
            mark = marks.get(family_of(facts.key) or "", "")
            if facts.key <= mark and mark > (begun or ""):
                after = mark
                break
            yield facts
