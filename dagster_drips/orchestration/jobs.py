"""Jobs: which assets a run makes. What starts them is in `schedules` and `sensors`."""

import dagster as dg

from dagster_drips.orchestration.names import DELIVERY_LOG, MEASURE

_AFTER_SENDING = dg.AssetSelection.groups(MEASURE) | dg.AssetSelection.assets(
    ["journal", "enrollment_closings"], ["journal", "ticks"]
)
_SENDING = _AFTER_SENDING | dg.AssetSelection.assets(DELIVERY_LOG)

# Steps of a job share one process: a process of its own for each costs more than its work, and DuckDB has one writer.
tick_job = dg.define_asset_job(
    "tick", dg.AssetSelection.all(), executor_def=dg.in_process_executor, description="A whole tick in one run."
)
rest_job = dg.define_asset_job(
    "tick_without_sending",
    dg.AssetSelection.all() - dg.AssetSelection.assets(DELIVERY_LOG),
    executor_def=dg.in_process_executor,
    description="A whole tick; what is due stays due.",
)
decide_job = dg.define_asset_job(
    "decide",
    dg.AssetSelection.all() - _SENDING,
    executor_def=dg.in_process_executor,
    description="Load what was landed and decide; the due-steps sensor goes on from there.",
)
send_job = dg.define_asset_job(
    "send", _SENDING, executor_def=dg.in_process_executor, description="Send what is due, then measure."
)
measure_job = dg.define_asset_job(
    "measure",
    _AFTER_SENDING,
    executor_def=dg.in_process_executor,
    description="Nothing is due: finish the tick, measure.",
)
