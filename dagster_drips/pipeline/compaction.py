"""`drips compact`: small landed files of closed days into packs, while no run is going on.

Here belong the lock, the warehouse and the setting; the files are `landing.compaction`'s.
"""

from __future__ import annotations

import time
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.landing.compaction import CompactReport, Which, closed_files, pack_files
from dagster_drips.pipeline.in_bucket import keep_landed_in_bucket
from dagster_drips.pipeline.run_lock import exclusive_run
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse, warehouse_of

_FILES_AT_ONCE = 10_000
_PAUSE_SECONDS = 0.3


def compact(project: Project, which: Which, *, wait_seconds: float = 5) -> CompactReport:
    """Pack what was loaded before today (UTC) and is in the journal; ticks may go on between one pack and the next.

    Args:
        project: whose.
        which: whose files.
        wait_seconds: how long to wait for a run that is going on.

    Raises:
        DripsError: a run is going on, or the warehouse can't be read.
        OSError: the disk can't be written; nothing is lost, and the next compaction goes on.
    """
    report = CompactReport()
    if which == "off":
        return report
    while True:
        with exclusive_run(project, wait_seconds=wait_seconds):
            done = _packed(project, which)
        report += done
        if not done.files:
            keep_landed_in_bucket(project)
            return report
        # Who waits for the lock looks ten times a second.
        time.sleep(_PAUSE_SECONDS)


def _packed(project: Project, which: Which) -> CompactReport:
    place = warehouse_of(project)
    if isinstance(place, Path) and not place.exists():
        return CompactReport()
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    with open_warehouse(place) as warehouse:
        files = closed_files(project, warehouse, which, today)
    return pack_files(project, files, at_most=_FILES_AT_ONCE)
