"""A look at a project: what is wrong now, who has not been told, telling them.

A run says how it ended, a cron job just looks. A message that can't get through is a line in the report, and is tried
again at the next look.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dagster_drips.addresses import without_addresses
from dagster_drips.alerts.incidents import Incident, Known, compare, forget_what_is_told, over_for, to_tell
from dagster_drips.alerts.memory import only_one_tells, read_known, write_known
from dagster_drips.alerts.stopped_ticks import stopped_ticks
from dagster_drips.alerts.targets import Mood, Target, targets_of, tell
from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.delivery.place import misplaced
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.concerns import Concern, concerns_of
from dagster_drips.pipeline.published import facts_as_published
from dagster_drips.pipeline.run_lock import exclusive_run
from dagster_drips.pipeline.status import Facts, current_facts
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_project_settings
from dagster_drips.vocabulary import ConcernKind

_log = logging.getLogger("dagster_drips.alerts")
_OF_FACTS: tuple[ConcernKind, ...] = ("stopped_sending", "in_doubt", "gates", "files", "journal")
_LONGEST_LINE = 400
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True)
class RunEnd:
    """How a run ended.

    Args:
        job: a failed run is over when one of the same job has ended well.
        problem: why it failed, None where it did not: words of our own, as it is kept.
        run_id: Dagster's, where there is one.
    """

    job: str
    problem: str | None = None
    run_id: str | None = None


@dataclass
class Look:
    """What a look came to: incidents that go on, how many messages went out, and what could not be told, in words."""

    incidents: list[Incident] = field(default_factory=list)
    messages: int = 0
    problems: list[str] = field(default_factory=list)


def look(
    project: Project, *, ended: RunEnd | None = None, only_published: bool = False, now: datetime | None = None
) -> Look:
    """Look at a project and tell its targets.

    Args:
        project: without `alerts` in its `project.yml` nothing happens.
        ended: the run that has just ended, if any.
        only_published: read no warehouse: what was published says enough.
        now: naive UTC; the wall clock where None.

    Raises:
        DripsError: what was told can't be read or kept, or a setting is bad.
    """
    alerts = read_project_settings(project).alerts
    if alerts is None:
        return Look()
    targets = targets_of(project, alerts)
    now = now or datetime.now(UTC).replace(tzinfo=None)
    project.journal.mkdir(parents=True, exist_ok=True)
    with only_one_tells(project):
        known = read_known(project, now)
        _compare_facts(project, known, only_published=only_published, now=now)
        compare(known, stopped_ticks(project, watched_since=known.watched_since, now=now), ("stopped_ticks",), now)
        if ended is not None:
            _take_end(known, ended, now)
        write_known(project, known)
        done = Look([incident for incident in known.incidents if incident.over_since is None])
        for target in targets:
            _tell_all(project, known, target, done)
        forget_what_is_told(known, targets)
        write_known(project, known)
    for problem in done.problems:
        _log.warning(problem)
    return done


def look_after(project: Project, ended: RunEnd | None, *, only_published: bool = False) -> list[str]:
    """The same at the end of a run, which nothing may fail: what went wrong with telling, in words."""
    try:
        return look(project, ended=ended, only_published=only_published).problems
    except Exception as error:
        _log.warning("nobody could be told: %s", error, exc_info=not isinstance(error, DripsError))
        return [f"nobody could be told: {error}"]


def tell_of_test(project: Project, name: str) -> str | None:
    """A message that says no more than that it arrives; returns why it did not, None where it did.

    Raises:
        DripsError: there is no such target.
    """
    alerts = read_project_settings(project).alerts
    targets = {target.name: target for target in targets_of(project, alerts)} if alerts else {}
    if name not in targets:
        there = ", ".join(sorted(targets)) or "none"
        raise DripsError(f"there is no target '{name}' under alerts in sequences/project.yml; there is {there}")
    return tell(targets[name], _title(project, "a test"), "Messages of dagster-drips arrive here.", "info")


# What goes on ---------------------------------------------------------------------------------------------------------


def _compare_facts(project: Project, known: Known, *, only_published: bool, now: datetime) -> None:
    facts, at = _facts(project, only_published=only_published, now=now)
    # What was published before the last look at the warehouse knows less than that look did.
    if facts is None or (known.facts_of and at <= parse_instant(known.facts_of)):
        return
    found = concerns_of(facts)
    if reason := misplaced(project):
        said = f"nothing is sent from here: {reason}; if the project has moved for good, `drips adopt`"
        found.append(Concern("journal", "misplaced", "error", said))
    compare(known, found, _OF_FACTS, now)
    known.facts_of = format_instant(at)


def _facts(project: Project, *, only_published: bool, now: datetime) -> tuple[Facts | None, datetime]:
    """With when they were so; of the warehouse only while no run may want to open it."""
    if not only_published:
        try:
            with exclusive_run(project, wait_seconds=0):
                facts, since = current_facts(project)
            return facts, since or now
        except DripsError as error:
            _log.info("no facts of the warehouse: %s", error)
    return facts_as_published(project) or (None, now)


def _take_end(known: Known, ended: RunEnd, now: datetime) -> None:
    key = f"run:{ended.job}"
    others = [
        Concern(one.kind, one.key, one.level, one.text)
        for one in known.incidents
        if one.kind == "failed_runs" and one.key != key and one.over_since is None
    ]
    if ended.problem is not None:
        run = f"run {ended.run_id} of {ended.job}" if ended.run_id else f"a run of {ended.job}"
        # What an engine quotes may be anybody's data, and is not kept.
        problem = _QUOTED.sub("'…'", without_addresses(ended.problem.partition("\n")[0]))
        text = f"{run} failed at {format_instant(now.replace(microsecond=0))}: {problem}"
        others.append(Concern("failed_runs", key, "error", text))
    compare(known, others, ("failed_runs",), now)


# Telling --------------------------------------------------------------------------------------------------------------


def _tell_all(project: Project, known: Known, target: Target, done: Look) -> None:
    """The messages of one target: what began, and what is over; each kept as told as soon as it was taken."""
    begun = to_tell(known, target)
    mood: Mood = "failure" if any(one.level == "error" for one in begun) else "warning"
    if begun and _told(project, target, begun, "{} things want a look", mood, done):
        for incident in begun:
            incident.told.append(target.name)
        write_known(project, known)
    over = over_for(known, target)
    if over and _told(project, target, over, "{} things are over", "success", done):
        for incident in over:
            incident.told.remove(target.name)
        write_known(project, known)


def _told(
    project: Project, target: Target, incidents: Sequence[Incident], several: str, mood: Mood, done: Look
) -> bool:
    first, is_over = incidents[0], mood == "success"
    if len(incidents) > 1:
        title = several.format(len(incidents))
    else:
        title = f"{first.kind.replace('_', ' ')}{', over' if is_over else ''}"
    lines = [_line(incident) for incident in incidents]
    problem = tell(target, _title(project, title), "\n".join(lines), mood)
    if problem is None:
        done.messages += 1
        return True
    done.problems.append(f"target {target.name} was not told, and will be at the next look: {problem}")
    return False


def _line(incident: Incident) -> str:
    text = incident.text if len(incident.text) <= _LONGEST_LINE else f"{incident.text[:_LONGEST_LINE]}…"
    if incident.over_since is None:
        return text
    return f"over since {incident.over_since}: {text}"


def _title(project: Project, what: str) -> str:
    """With the project's folder and the machine: copies have the same alerts."""
    return f"{project.root.name} on {socket.gethostname()}: {what}"
