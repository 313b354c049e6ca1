"""Whether what has landed since the last look asks for a tick at once, or may wait for the scheduled one.

For a sensor that looks every few seconds: it lists names, reads engagement that is new and nothing else, and never
opens the warehouse. What a tick does with the files is `landing.load`'s matter, what decides is dbt's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from dagster_drips.landing.files import LooseFiles, UnreadableFile, loose_files
from dagster_drips.landing.intake_names import is_intake
from dagster_drips.landing.kind_load import LOOKED_AT
from dagster_drips.landing.readers import read_batches
from dagster_drips.pipeline.catalog import CatalogReader
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

_ENGAGEMENT = "engagement"
_WAITING = frozenset({"opened", "clicked", "delivered", "deferred"})
"""Types that change what is sent to nobody, unless a step asks for opens or clicks."""
_READ_BYTES = 1 << 20
_READ_FILES = 500


@dataclass(frozen=True)
class News:
    """What a look has shown.

    Args:
        digest: of all that lies there; the next look is given it.
        is_urgent: whether a tick should begin now.
        why_not: where it should not: nothing is new, or who waits.
    """

    digest: str
    is_urgent: bool
    why_not: str = ""


class LandingWatch:
    """Looks at a project's landing folders again and again.

    What it saw last stays in this process; a process that has begun since takes whatever is there for news if the
    digest is another one.
    """

    def __init__(self, project: Project):
        self._project = project
        self._catalogs = CatalogReader(project)
        self._seen: dict[str, frozenset[str]] | None = None
        self._digest = ""

    def look(self, digest: str | None) -> News:
        """What is new since the look that gave this digest; None: it is the first."""
        listed = {kind: loose_files(self._project, kind) for kind in LANDING_KINDS}
        marks = {kind: _marks(files) for kind, files in listed.items()}
        before, self._seen = self._seen, marks
        if marks == before and digest == self._digest:
            return News(self._digest, is_urgent=False, why_not="nothing new has landed")
        known = before if digest == self._digest else None
        self._digest = _digest(marks)
        if self._digest == digest:
            return News(self._digest, is_urgent=False, why_not="nothing new has landed")
        if known is None:
            return News(self._digest, is_urgent=True)
        new = {kind: {_name(mark) for mark in marks[kind] - known[kind]} for kind in LANDING_KINDS}
        if not any(new.values()):
            return News(self._digest, is_urgent=False, why_not="files have gone, and nothing new has landed")
        if any(names for kind, names in new.items() if kind != _ENGAGEMENT):
            return News(self._digest, is_urgent=True)
        is_urgent = self._somebody_waits_for(listed[_ENGAGEMENT], new[_ENGAGEMENT])
        return News(self._digest, is_urgent, "opens and clicks that no step asks for wait for the scheduled tick")

    def _somebody_waits_for(self, files: LooseFiles, names: Iterable[str]) -> bool:
        types = _types(files, sorted(names))
        if types is None or types - _WAITING:
            return True
        return bool(types & {"opened", "clicked"}) and bool(types & self._asked_for())

    def _asked_for(self) -> set[str]:
        """Types of engagement that a condition of an active sequence asks for; a click counts as an open (M6)."""
        catalog = self._catalogs.read()
        if catalog.invalid or not catalog.settings_valid:
            return {"opened", "clicked"}  # what is live isn't what the files say
        active = (source.sequence for source in catalog.sources.values() if source.sequence.status == "active")
        conditions = (one for sequence in active for step in sequence.steps for one in (step.only_if, step.unless))
        kinds = {kind for one in conditions for kind, _ in one.listed()}
        return {"opened", "clicked"} if "opened" in kinds else kinds & {"clicked"}


def _marks(files: LooseFiles) -> frozenset[str]:
    """Names, and where there are few of them what tells that a file was changed in place.

    Without what a tick has landed by intake: the same tick loads it.
    """
    names = [name for name in files.names if not is_intake(name)]
    if len(names) > LOOKED_AT:
        return frozenset(names)
    return frozenset(f"{name}\0{files.written(name)}" for name in names)


def _name(mark: str) -> str:
    return mark.partition("\0")[0]


def _digest(marks: dict[str, frozenset[str]]) -> str:
    listed = "\n".join(f"{kind}/{mark}" for kind in LANDING_KINDS for mark in sorted(marks[kind]))
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()


def _types(files: LooseFiles, names: list[str]) -> set[str | None] | None:
    """The types in these files of engagement; None: there is too much of it to be read here, or it can't be."""
    if len(names) > _READ_FILES:
        return None
    types: set[str | None] = set()
    size = 0
    for name in names:
        file = files.file(name)
        size += file.size if file else 0
        if size > _READ_BYTES:
            return None
        try:
            types |= {kind for batch in read_batches(file) for kind in batch.column("type").text} if file else set()
        except UnreadableFile:
            return None
    return types
