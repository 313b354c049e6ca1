"""Names in sequence files held against what has landed: an event or a topic that nobody ever sent is often misspelled.

Here belongs what only the warehouse knows; all of it is a warning, as an event may be about to come. What the files say
by themselves is `checks`' part.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SEQUENCE_FILE, Catalog
from dagster_drips.sequences.checks import texts_at
from dagster_drips.sequences.problems import Problem, nearest
from dagster_drips.sequences.reading import Reading
from dagster_drips.vocabulary import LEAD_CREATED
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("landed_names.sql"))
_EVENTS = ("trigger.event", "goal.event", "exit_on.events", "steps.*.only_if.event", "steps.*.unless.event")


@dataclass(frozen=True)
class LandedNames:
    """The events that ever landed, and the topics that people ever unsubscribed from or to."""

    events: frozenset[str]
    topics: frozenset[str]

    @classmethod
    def of(cls, warehouse: Warehouse) -> LandedNames:
        """As the warehouse has them."""
        found = {
            name: frozenset(next(iter(row.values())) for row in warehouse.rows(_STATEMENTS[name]))
            for name in ("events", "topics")
        }
        return cls(**found)


def unknown_names(project: Project, catalog: Catalog, landed: LandedNames) -> list[Problem]:
    """A warning for each event of a sequence file that never landed, and for each landed topic that no sequence has.

    Args:
        project: whose files to look into for lines.
        catalog: its valid sequences.
        landed: what the warehouse knows; where no event ever landed, events are not judged.
    """
    problems = []
    if landed.events:
        for sequence_id in sorted(catalog.written):
            path = project.sequences / sequence_id / SEQUENCE_FILE
            reading = Reading(path.relative_to(project.root).as_posix(), path.read_bytes())
            problems.extend(_events_in_vain(reading, landed.events))
    topics = {written.sequence.topic for written in catalog.written.values() if written.sequence.topic}
    for topic in sorted(landed.topics - topics) if topics else ():
        message = f"people unsubscribed from the topic '{topic}', which no sequence has{_meant(topic, topics)}"
        problems.append(Problem("sequences", None, message, "warning"))
    return problems


def _events_in_vain(reading: Reading, events: Collection[str]) -> list[Problem]:
    for pattern in _EVENTS:
        for path, event in texts_at(reading.data, pattern):
            if event not in events and event != LEAD_CREATED:
                reading.warning(path, f"no event '{event}' has ever landed{_meant(event, events)}")
    return [problem for problem in reading.problems if problem.severity == "warning"]


def _meant(name: str, known: Collection[str]) -> str:
    close = nearest(name, known)
    return f"; did you mean '{close}'?" if close else ""
