"""Jobs: which assets a run makes. What starts them is in `schedules` and `sensors`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dagster as dg

from dagster_drips.orchestration.names import Names


def build_jobs(names: Names, whole: Collection[dg.AssetKey], measured: Collection[dg.AssetKey]) -> list[Any]:
    """The jobs of a tick, whole and in parts.

    Args:
        names: of them and of the assets.
        whole: all that a tick makes. By their keys: what else the code location has is not ours to make.
        measured: of these, what is made when mail is out.
    """
    ended = {*measured, names.key("journal", "enrollment_closings"), names.finished_tick}
    sending = {*ended, names.delivery_log}

    # Steps of a job share one process: one of its own for each costs more than its work, and DuckDB has one writer.
    def job(name: str, keys: Collection[dg.AssetKey], description: str) -> Any:
        return dg.define_asset_job(
            names.name(name),
            dg.AssetSelection.assets(*sorted(keys)),
            executor_def=dg.in_process_executor,
            description=description,
        )

    return [
        job("tick", whole, "A whole tick in one run."),
        job("tick_without_sending", {*whole} - {names.delivery_log}, "A whole tick; what is due stays due."),
        job("decide", {*whole} - sending, "Load what was landed and decide; the due-steps sensor goes on from there."),
        job("send", sending, "Send what is due, then measure."),
        job("measure", ended, "Nothing is due: finish the tick, measure."),
    ]
