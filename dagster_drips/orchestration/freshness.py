"""How old a tick and what is published may be, as a freshness policy that Dagster's UI shows.

The limit itself is `alerts.stopped_ticks`'; `alert_sensors` say when it is passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import dagster as dg

from dagster_drips.orchestration.names import Names


def with_freshness(
    limit: timedelta, assets: Iterable[dg.AssetsDefinition | dg.AssetSpec], names: Names
) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets, the tick and what is published with a freshness policy: a warning at half the limit."""
    limited = (names.tick, names.finished_tick, names.published)
    policy = dg.FreshnessPolicy.time_window(fail_window=limit, warn_window=limit / 2)
    return dg.map_asset_specs(
        lambda spec: dg.apply_freshness_policy(spec, policy) if spec.key in limited else spec, assets
    )
