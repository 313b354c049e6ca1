"""Questions to Dagster's own records: which runs there are, and what they are to make.

Here belongs what sensors and schedules ask before they start a run; starting it is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from dagster_drips.orchestration.names import OURS, Names

_BEGIN_TICKS = ("tick", "decide")
_OF_TICKS = (*_BEGIN_TICKS, "tick_without_sending", "send", "send_in_shards", "measure")
"""Jobs that hold the project's lock."""
_WHOLE = ("tick", "tick_without_sending")
_WAITING = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)


@dataclass(frozen=True)
class TicksNow:
    """Runs of ticks that have not ended.

    Args:
        waiting: one that will begin a tick and has not been started: it sees all that has landed by now, and its
            instant lies ahead. None where there is none.
        started: how many runs execute, or wait in their process for the one before them.
    """

    waiting: str | None
    started: int


def ticks_now(instance: dg.DagsterInstance, names: Names = OURS) -> TicksNow:
    """What goes on, by Dagster's records, of the jobs of these names."""
    begin, of_ticks = ({names.name(job) for job in jobs} for jobs in (_BEGIN_TICKS, _OF_TICKS))
    runs = instance.get_runs(dg.RunsFilter(statuses=[*_WAITING, dg.DagsterRunStatus.STARTED]))
    waiting = [run.run_id for run in runs if run.status in _WAITING and run.job_name in begin]
    started = [run for run in runs if run.status == dg.DagsterRunStatus.STARTED and run.job_name in of_ticks]
    return TicksNow(waiting[0] if waiting else None, len(started))


def finishes_its_tick(run: dg.DagsterRun, names: Names = OURS) -> bool:
    """Whether that run finishes the tick that it decides, so that no other is to be started for it."""
    if run.asset_selection:
        return names.finished_tick in run.asset_selection
    return run.job_name in {names.name(job) for job in _WHOLE}
