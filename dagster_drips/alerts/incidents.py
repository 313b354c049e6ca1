"""From what is wrong now to what has to be told: pure, for one look after another.

An incident begins when a concern is first seen and is over when it is seen no more. It is told to each target once,
and that it is over to those that were told and want to know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec

from dagster_drips.alerts.targets import Target
from dagster_drips.clock import format_instant
from dagster_drips.pipeline.concerns import Concern
from dagster_drips.vocabulary import ConcernKind, ConcernLevel


class Incident(msgspec.Struct):
    """A concern from when it was first seen; `told` are the targets that know of it, times are the wall clock's."""

    kind: ConcernKind
    key: str
    level: ConcernLevel
    text: str
    since: str
    told: list[str] = []
    over_since: str | None = None

    def is_for(self, target: Target) -> bool:
        """Whether that target wants to know."""
        return (target.level == "warning" or self.level == "error") and (
            target.kinds is None or self.kind in target.kinds
        )


class Known(msgspec.Struct):
    """What is remembered from one look to the next.

    Args:
        incidents: those that go on, and those that are over and not told everywhere.
        watched_since: the first look: before the first tick, time counts from it.
        facts_of: until when (wall clock) the facts reach that incidents were compared with; older ones change nothing.
    """

    watched_since: str
    facts_of: str = ""
    incidents: list[Incident] = []


def compare(known: Known, concerns: Iterable[Concern], kinds: Collection[ConcernKind], now: datetime) -> None:
    """Let incidents begin and end.

    Args:
        known: changed in place.
        concerns: all there are of these kinds.
        kinds: which were looked at; incidents of others go on.
        now: naive UTC.
    """
    at = format_instant(now.replace(microsecond=0))
    found = {concern.key: concern for concern in concerns if not concern.is_settled}
    for incident in known.incidents:
        if incident.kind not in kinds or incident.over_since is not None:
            continue
        concern = found.pop(incident.key, None)
        if concern is None:
            incident.over_since = at
        else:
            incident.text, incident.level = concern.text, concern.level
    for concern in found.values():
        known.incidents.append(Incident(concern.kind, concern.key, concern.level, concern.text, at))


def to_tell(known: Known, target: Target) -> list[Incident]:
    """Incidents that go on and that this target has not been told."""
    return [
        incident
        for incident in known.incidents
        if incident.over_since is None and target.name not in incident.told and incident.is_for(target)
    ]


def over_for(known: Known, target: Target) -> list[Incident]:
    """Incidents that are over, which this target was told of and has not been told the end of."""
    return [
        incident
        for incident in known.incidents
        if target.resolved and incident.over_since is not None and target.name in incident.told
    ]


def forget_what_is_told(known: Known, targets: Collection[Target]) -> None:
    """Drop incidents that are over and of which nobody is to be told any more."""
    waiting = {id(incident) for target in targets for incident in over_for(known, target)}
    known.incidents = [
        incident for incident in known.incidents if incident.over_since is None or id(incident) in waiting
    ]
