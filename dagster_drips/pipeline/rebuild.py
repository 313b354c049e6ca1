"""The warehouse made again from what is kept for good: landed files and the journal.

No old tick runs again: enrollment decisions, closings, skips, segment changes and sequence versions come from the tick
journal, sends from the delivery journal, rows from the landed files in the order of their first loading; dbt makes the
rest. Going back to an earlier tick is the same with the later commits left out, and what `set_aside` keeps of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.delivery.delivery_journal import deliveries
from dagster_drips.delivery.ingestion import cut_files, ingest_deliveries
from dagster_drips.delivery.losses import hold_cut_off, hold_handed_over, hold_known_before
from dagster_drips.errors import DripsError
from dagster_drips.landing.load import load_again
from dagster_drips.pipeline.dbt_runner import Transform, TransformFailed
from dagster_drips.pipeline.intake_rows import has_landed, note_landed
from dagster_drips.pipeline.intake_warehouse import intake_warehouse
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.rebuild_in_place import EARLIER_LOG, made_in_place
from dagster_drips.pipeline.run_lock import exclusive_run
from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.pipeline.set_aside import draft_what_stays, sent_later
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_clock import set_clock_to_last
from dagster_drips.pipeline.tick_journal import HANDED_OVER, LOADED_FILES, TickJournal
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.versions import live_settings, restore_live
from dagster_drips.settings import load_settings
from dagster_drips.warehouse import PostgresDatabase, Warehouse, engine_error, open_warehouse, warehouse_of
from dagster_drips.warehouse.copies import copy_tables
from dagster_drips.warehouse.watermark import set_watermark


@dataclass(frozen=True)
class RebuildReport:
    """How much was there to rebuild from."""

    commits: int
    files: int
    deliveries: int
    lost: int = 0
    """Messages that were handed over and that the delivery journal has lost: they are in doubt now."""
    set_aside: int = 0
    """Commits of later ticks that are no part of the journal any more."""
    sent_later: int = 0
    """Messages that those ticks had sent or tried: they stay, dated by the last tick that is kept."""


def rebuild(
    project: Project, progress: Callable[[str], None] = lambda what: None, *, until: datetime | None = None
) -> RebuildReport:
    """Make the project's warehouse anew and put it in the place of the old one.

    Args:
        project: with its landed files and journal.
        progress: told what is being done.
        until: go back to the last tick up to this instant: what later ones decided is set aside but for what they
            sent, and files that they loaded are loaded anew by the next. None: nothing is.

    Raises:
        DripsError: there is no journal, a landed file is gone or changed, another run is going on; or, with `until`,
            the delivery journal has lost what a later tick sent. The warehouse and the journal stay as they are.
    """
    if not TickJournal(project.journal / "ticks").commits():
        raise DripsError("no journal to rebuild from; a first tick starts with `drips run`", file=project.journal)
    with exclusive_run(project):
        return rebuild_under_lock(project, progress, until=until, knows_more=True)


def rebuild_under_lock(
    project: Project,
    progress: Callable[[str], None] = lambda what: None,
    *,
    until: datetime | None = None,
    knows_more: bool = False,
) -> RebuildReport:
    """The same for who holds the run lock already and knows that there is a journal.

    Args:
        project: with its landed files and journal.
        progress: told what is being done.
        until: as in `rebuild`.
        knows_more: the warehouse that is there may know of messages that the journal has lost. It must not be asked
            where somebody was just taken out of the journal.
    """
    journal = TickJournal(project.journal / "ticks", until)
    journal.finish_setting_aside()
    if not journal.commits():
        raise DripsError("no tick is as early as that", file=journal.root)
    place = warehouse_of(project)
    if isinstance(place, PostgresDatabase):
        return _rebuild_in_place(project, place, journal, progress, until, knows_more)
    scratch = project.data / "warehouse.rebuilding.duckdb"
    scratch.unlink(missing_ok=True)
    scratch.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    pipeline = Pipeline(project, Transform(project, warehouse=scratch), journal)
    try:
        with open_warehouse(scratch) as warehouse:
            report, what_stays = _fill(project, pipeline, journal, warehouse, progress, until, knows_more)
            warehouse.checkpoint()
        project.warehouse.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        if until is not None:
            # The old warehouse goes first: killed from here on, no tick can begin before a rebuild has ended this.
            project.warehouse.unlink(missing_ok=True)
            report = _without_later(journal, what_stays, report)
        scratch.replace(project.warehouse)
    finally:
        journal.drop_drafts()
    return report


def _rebuild_in_place(
    project: Project,
    place: PostgresDatabase,
    journal: TickJournal,
    progress: Callable[[str], None],
    until: datetime | None,
    knows_more: bool,
) -> RebuildReport:
    pipeline = Pipeline(project, Transform(project), journal)
    try:
        with open_warehouse(place) as warehouse, made_in_place(warehouse) as let_go_of_the_old:
            report, what_stays = _fill(project, pipeline, journal, warehouse, progress, until, knows_more)
            if until is not None:
                let_go_of_the_old()
                report = _without_later(journal, what_stays, report)
    finally:
        journal.drop_drafts()
    return report


def _without_later(journal: TickJournal, what_stays: Path | None, report: RebuildReport) -> RebuildReport:
    """Have the journal without later ticks. The old warehouse is gone, and the new one is not there yet for any tick:
    what it lacks would be taken into it again."""
    if what_stays is not None:
        journal.place(what_stays)
    return replace(report, set_aside=len(journal.set_aside()))


def _drafted(project: Project, warehouse: Warehouse, journal: TickJournal) -> Path:
    if warehouse.reads_files:
        return draft_what_stays(warehouse, journal)
    with scratch_folder(project) as scratch:
        file = scratch / "warehouse.duckdb"
        copy_tables(warehouse, file)
        with open_warehouse(file) as copied:
            return draft_what_stays(copied, journal)


def _fill(
    project: Project,
    pipeline: Pipeline,
    journal: TickJournal,
    warehouse: Warehouse,
    progress: Callable[[str], None],
    until: datetime | None,
    knows_more: bool,
) -> tuple[RebuildReport, Path | None]:
    catalog = read_catalog(project, segments=segment_names(project))
    progress("deliveries")
    cut = cut_files(project, warehouse, closed=True)
    if cut and until is not None:
        raise DripsError(
            "this file is gone or was longer, so nobody knows whom a later tick mailed: put it back, or run"
            " `drips rebuild` without --until, which holds its messages in doubt",
            file=deliveries(project) / cut[0],
        )
    ingested = ingest_deliveries(project, warehouse, now=utc_now, resend=load_settings(project).in_doubt == "resend")
    # Of all ticks: whatever was handed over may have been sent.
    lost = hold_handed_over(project, warehouse, TickJournal(journal.root).files(HANDED_OVER))
    if knows_more:
        lost += _known_before(project, warehouse)
    commits = journal.commits()
    progress(f"{len(commits)} commits of ticks")
    for commit in commits:
        journal.ingest(warehouse, commit)
    what_stays, later = None, sent_later(warehouse, journal) if until is not None else 0
    if later:
        what_stays = _drafted(project, warehouse, journal)
        journal.ingest(warehouse, what_stays)
    progress("sequences")
    restore_live(warehouse, invalid=catalog.invalid)
    loaded = journal.rows(warehouse, LOADED_FILES)
    progress(f"{len(loaded)} landed files")
    load_again(project, warehouse, loaded, fields=live_settings(warehouse, catalog).fields)
    if has_landed(project):
        with intake_warehouse(project, warehouse) as intake:
            note_landed(project, intake.warehouse)
    set_clock_to_last(warehouse)
    progress("models")
    pipeline.decide(warehouse, tested=False)
    if cut_off := hold_cut_off(project, warehouse):
        lost += cut_off
        pipeline.decide(warehouse, tested=False)
    with warehouse.transaction():
        set_watermark(warehouse, pipeline.as_of(warehouse))
    failed = [node for node in pipeline.measure() if node.failed]
    if failed:
        raise TransformFailed(f"dbt model {failed[0].name} failed: {failed[0].message}")
    # Nobody may go on reading what an erasure has taken out.
    publish(warehouse, project.published, pipeline.transform.descriptions(), readable_for=timedelta(0))
    report = RebuildReport(
        commits=len(commits), files=len(loaded), deliveries=ingested.rows + lost, lost=lost, sent_later=later
    )
    return report, what_stays


def _known_before(project: Project, warehouse: Warehouse) -> int:
    """What the warehouse that is to be replaced knows; one that is gone, or can't be read, knows nothing."""
    if warehouse.columns(EARLIER_LOG):
        return hold_known_before(project, warehouse, warehouse, log=EARLIER_LOG)
    if not project.warehouse.exists():
        return 0
    try:
        with open_warehouse(project.warehouse, read_only=True) as earlier:
            return hold_known_before(project, warehouse, earlier)
    except (DripsError, engine_error()):
        return 0
