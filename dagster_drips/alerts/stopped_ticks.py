"""How long a project may be without a finished tick, and whether it has been longer: asked of the tick journal alone.

So whoever asks needs neither the warehouse nor Dagster's daemon, which may be what has stopped.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.pipeline.concerns import Concern
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_project_settings
from dagster_drips.settings import load_schedules

_MISSED = 3
"""Ticks that are missing in a row: one may be late behind a long send."""
_SHORTEST = timedelta(minutes=15)
"""A run takes its time to start, and a schedule of every minute would fail at each restart."""


def oldest_tick(project: Project) -> timedelta:
    """After that much time without a tick, ticks have stopped: `alerts.stopped_after`, or by the schedule.

    Raises:
        DripsError: the schedule is no cron expression.
    """
    alerts = read_project_settings(project).alerts
    if alerts and alerts.stopped_after:
        return timedelta(seconds=alerts.stopped_after.total_seconds)
    return max(_MISSED * load_schedules(project).schedule.longest, _SHORTEST)


def stopped_ticks(project: Project, *, watched_since: str, now: datetime) -> list[Concern]:
    """Ticks that have stopped, as a concern; none where they go on.

    Args:
        project: whose journal and schedule.
        watched_since: before the first tick, time counts from then.
        now: naive UTC.

    Raises:
        DripsError: the schedule is no cron expression.
    """
    limit = oldest_tick(project)
    last = TickJournal(project.journal / "ticks").last_finished_at()
    since = last or parse_instant(watched_since)
    if now - since <= limit:
        return []
    said = f"no tick has finished since {format_instant(since.replace(microsecond=0))}, and one was due within {limit}"
    return [Concern("stopped_ticks", "stopped_ticks", "error", said)]
