"""What a tick decided, committed: into the tick journal first, then into the warehouse.

Here belong the two commits of a tick and taking in what a crash kept from the warehouse. How the journal lies on disk
is `tick_journal`'s matter, when to commit `tick`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.delivery.losses import hold_cut_off
from dagster_drips.delivery.opening import take_in
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.tick_journal import HANDED_OVER, TickJournal
from dagster_drips.project import Project
from dagster_drips.settings import load_settings
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements
from dagster_drips.warehouse.watermark import set_watermark

STATEMENTS = named_statements(Path(__file__).with_name("commits.sql"))
_SINCE_LOADING = "since_loading"


def commit(warehouse: Warehouse, journal: TickJournal | None, as_of: datetime, phase: str) -> None:
    """Keep what a phase decided, for good.

    Args:
        warehouse: open for writing.
        journal: None for a throw-away run, which keeps nothing but in its warehouse.
        as_of: the tick's.
        phase: `decided` or `finished`.
    """
    warehouse.execute(STATEMENTS["take_time"], [as_of, phase, datetime.now(UTC).replace(tzinfo=None)])
    tables = _selects(phase)
    if journal is not None:
        journal.write(
            warehouse,
            as_of=as_of,
            phase=phase,
            selects=tables | _selects(_SINCE_LOADING) | {"ticks": STATEMENTS["tick"]},
        )
    with warehouse.transaction():
        for table, select in (tables | {"ticks": STATEMENTS["tick"]}).items():
            if table != HANDED_OVER:  # which the delivery log has
                warehouse.execute(f"insert into journal.{table} by name {select}")
        if phase == "decided":
            warehouse.execute(STATEMENTS["forget_left_waiting"])
            set_watermark(warehouse, as_of)


def recover(project: Project, warehouse: Warehouse, journal: TickJournal) -> None:
    """Take in what a crash kept from the warehouse: deliveries, then commits.

    Raises:
        DripsError: the warehouse is gone and has to be rebuilt.
    """
    take_in(project, warehouse, now=utc_now, resend=load_settings(project).in_doubt == "resend")
    recover_commits(warehouse, journal)
    hold_cut_off(project, warehouse, now=utc_now)


def recover_commits(warehouse: Warehouse, journal: TickJournal) -> None:
    """Take in the commits that the warehouse lacks.

    Raises:
        DripsError: the warehouse is gone and has to be rebuilt.
    """
    known = warehouse.value(STATEMENTS["known_until"])
    if known is None and journal.commits() and not warehouse.value(STATEMENTS["has_lived"]):
        raise DripsError("the warehouse is gone and its journal is not: run `drips rebuild`", file=journal.root)
    for missing in journal.missing(warehouse, known):
        journal.ingest(warehouse, missing)


def _selects(phase: str) -> dict[str, str]:
    """The statements of a phase, by the table that their rows go into."""
    prefix = f"{phase}_"
    return {name.removeprefix(prefix): text for name, text in STATEMENTS.items() if name.startswith(prefix)}
