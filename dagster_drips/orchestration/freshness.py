"""How old a tick and what is published may be, by the schedule of ticks: for the UI, and for telling somebody.

Here belongs the limit alone. Dagster shows it as a freshness policy; `alert_sensors` say when it is passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import dagster as dg

from dagster_drips.orchestration.names import FINISHED_TICK, PUBLISHED, TICK
from dagster_drips.project import Project
from dagster_drips.settings import load_schedules

_MISSED = 3
"""Ticks that are missing in a row: one may be late behind a long send."""
_SHORTEST = timedelta(minutes=15)
"""A run takes its time to start, and a schedule of every minute would fail at each restart."""
_LIMITED = (TICK, FINISHED_TICK, PUBLISHED)


def oldest_tick(project: Project) -> timedelta:
    """After that much time without a tick, ticks have stopped.

    Raises:
        DripsError: the schedule is no cron expression.
    """
    return max(_MISSED * load_schedules(project).schedule.longest, _SHORTEST)


def with_freshness(
    limit: timedelta, assets: Iterable[dg.AssetsDefinition | dg.AssetSpec]
) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets, the tick and what is published with a freshness policy: a warning at half the limit."""
    policy = dg.FreshnessPolicy.time_window(fail_window=limit, warn_window=limit / 2)
    return dg.map_asset_specs(
        lambda spec: dg.apply_freshness_policy(spec, policy) if spec.key in _LIMITED else spec, assets
    )
