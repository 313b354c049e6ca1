"""The phases of a tick in the order of rule T4: begin, load, decide, dispatch, settle, measure, publish.

Each phase leaves the warehouse and the journal in a state from which the next one, or a repetition after a crash, goes
on. What belongs here: the order of things and moving decided rows into the journal. What does not: deciding (dbt),
sending (`mail`), reading files (`landing`, `sequences`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dagster_drips.blob_store import KeptFiles
from dagster_drips.clock import format_instant, utc_now
from dagster_drips.delivery.ingestion import cut_files, fold
from dagster_drips.delivery.lengths import drop_lengths
from dagster_drips.delivery.losses import hold_cut_off
from dagster_drips.errors import DripsError
from dagster_drips.landing.load import LoadReport, load_landing
from dagster_drips.pipeline.catalog import CatalogReader
from dagster_drips.pipeline.compiled import CompiledTables
from dagster_drips.pipeline.dbt_runner import CI_TAG, MEASURE, NodeResult, Transform
from dagster_drips.pipeline.segments import (
    SegmentFailure,
    record_failures,
    run_decisions,
    segments_without_file,
)
from dagster_drips.pipeline.tick_journal import HANDED_OVER, LOADED_FILES, TickJournal
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.versions import live_settings, record_catalog
from dagster_drips.settings import load_settings
from dagster_drips.time_zones import utc_offsets
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_text
from dagster_drips.warehouse.statements import named_statements

_COMMITS = named_statements(Path(__file__).with_name("commits.sql"))


@dataclass(frozen=True)
class TickStart:
    """What tells a tick from every other: its instant, and the wall clock when it began (a tick may be repeated)."""

    as_of: datetime
    begun_at: datetime


@dataclass(frozen=True)
class Decided:
    """What a tick decided: counts of rows, and what went wrong without stopping it."""

    as_of: datetime
    judged: int
    enrolled: int
    exited: int
    skipped: int
    due: int
    nodes: list[NodeResult] = field(default_factory=list)
    broken_segments: list[SegmentFailure] = field(default_factory=list)


class Pipeline:
    """The phases of a tick on one project.

    Args:
        project: whose files to read.
        transform: dbt on the warehouse that the phases are given.
        journal: where decisions are kept; None for a throw-away run, which keeps nothing.
        compiled: for many ticks in a row, where to keep what dbt compiled; None: dbt runs at every tick.
    """

    def __init__(
        self,
        project: Project,
        transform: Transform,
        journal: TickJournal | None,
        compiled: CompiledTables | None = None,
    ):
        self._compiled = compiled
        self.project = project
        self.transform = transform
        self.journal = journal
        self._catalogs = CatalogReader(project)

    @classmethod
    def of(cls, project: Project) -> Pipeline:
        """The pipeline of a project's own warehouse and journal."""
        target = load_settings(project).target
        return cls(project, Transform(project, target=target), TickJournal(project.journal / "ticks"))

    def begin(self, warehouse: Warehouse, as_of: datetime | None = None) -> datetime:
        """Set the clock (T1): to `as_of`, or the wall clock where None; returns it.

        Raises:
            DripsError: it is not later than the last finished tick.
        """
        instant = (as_of or utc_now()).replace(microsecond=0)
        self.recover(warehouse)
        last = warehouse.rows(_COMMITS["last_ticks"])[0]
        if last["finished"] and instant <= last["finished"]:
            raise DripsError(
                f"a tick at {format_instant(instant)} is not later than the last finished one,"
                f" {format_instant(last['finished'])}{_way_back(last['finished'])}"
            )
        if last["decided"] and instant < last["decided"]:
            raise DripsError(
                f"a tick at {format_instant(instant)} is earlier than the unfinished one of"
                f" {format_instant(last['decided'])}; repeat that one or take a later instant"
            )
        self.set_clock(warehouse, instant)
        return instant

    def set_clock(self, warehouse: Warehouse, instant: datetime) -> None:
        """Make an instant the tick's own, with the tick before it and what the world's wall clocks show then."""
        previous = warehouse.value(_COMMITS["previous_tick"], [instant])
        offsets = utc_offsets(instant)
        with warehouse.transaction():
            warehouse.execute("delete from raw.tick")
            warehouse.execute("insert into raw.tick values (?, ?, ?, ?)", [instant, previous, instant, utc_now()])
            warehouse.execute("delete from raw.time_zones")
            warehouse.append_rows(
                "raw.time_zones",
                [{"timezone": name, "utc_offset_seconds": seconds} for name, seconds in offsets.items()],
            )

    def recover(self, warehouse: Warehouse) -> int:
        """Fold in what a crash kept from the warehouse: commits and deliveries; returns how many commits there were."""
        if self.journal is None:
            return 0
        resend = load_settings(self.project).in_doubt == "resend"
        cut_files(self.project, warehouse, closed=True)
        fold(self.project, warehouse, now=utc_now, resend=resend)
        known = warehouse.value("select max(as_of) from journal.ticks")
        if known is None and self.journal.commits() and not warehouse.value(_COMMITS["has_lived"]):
            raise DripsError(
                "the warehouse is gone and its journal is not: run `drips rebuild`", file=self.journal.root
            )
        missing = self.journal.missing(warehouse, known)
        for commit in missing:
            self.journal.fold(warehouse, commit)
        hold_cut_off(self.project, warehouse, now=utc_now)
        return len(missing)

    def load_sequences(self, warehouse: Warehouse) -> tuple[Catalog, list[Problem]]:
        """Read the sequence files and make them what dbt reads (S1, S2, S3); also returns their errors."""
        catalog = self._catalogs.read()
        # A replay sends nothing, so it needs no files.
        keep = KeptFiles.of(self.project) if self.journal is not None else None
        record_catalog(warehouse, catalog, as_of=self.as_of(warehouse), keep=keep)
        return catalog, [problem for problem in catalog.problems if problem.severity == "error"]

    def load_landing(
        self, warehouse: Warehouse, kinds: tuple[str, ...], progress: Callable[[str, int], None] | None = None
    ) -> dict[str, LoadReport]:
        """Load what was landed since; counts for each kind."""
        fields = live_settings(warehouse, self._catalogs.read()).fields
        return load_landing(self.project, warehouse, kinds=kinds, fields=fields, loaded_at=utc_now(), progress=progress)

    def decide(self, warehouse: Warehouse) -> Decided:
        """Run the decide models; nothing is settled before `commit_decisions`.

        Raises:
            TransformFailed: a model failed that is not a segment.
        """
        nodes, broken = run_decisions(self.project, self.transform, warehouse, self._compiled)
        record_failures(warehouse, [*broken, *segments_without_file(self.project, warehouse)])
        counts = warehouse.rows(
            """
            select
                (select count(*) from decide.new_enrollment_decisions) as judged,
                (select count(*) from decide.new_enrollment_decisions where decision = 'enrolled') as enrolled,
                (select count(*) from decide.new_enrollment_closings) as exited,
                (select count(*) from decide.new_skipped_steps) as skipped,
                (select count(*) from decide.due_steps) as due
            """
        )[0]
        return Decided(as_of=self.as_of(warehouse), nodes=nodes, broken_segments=broken, **counts)

    def commit_decisions(self, warehouse: Warehouse) -> None:
        """Keep what the models decided, for good, before any mail goes out.

        That is enrollment decisions, exits, skipped steps and segment changes.
        """
        self.recover(warehouse)
        self._commit(warehouse, self.as_of(warehouse), "decided")

    def ready_to_send(self, warehouse: Warehouse) -> bool:
        """Whether this tick's decisions are committed and the tick is not finished: only then may mail go out."""
        phases = {
            row["phase"]
            for row in warehouse.rows("select phase from journal.ticks where as_of = (select as_of from raw.tick)")
        }
        return phases == {"decided"}

    def pretend_to_send(self, warehouse: Warehouse) -> None:
        """Take every due step to be sent (M4): what a replay does instead of dispatching."""
        warehouse.execute(_COMMITS["pretend_to_send"])

    def settle(self, warehouse: Warehouse) -> int:
        """Complete enrollments with no step left (T4, 9) and finish the tick; returns how many completed."""
        if not self.ready_to_send(warehouse):
            return 0  # this tick is finished already, or was overtaken before it decided anything
        completed = warehouse.value("select count(*) from after_sending.new_enrollment_completions")
        self._commit(warehouse, self.as_of(warehouse), "finished")
        if self.journal is not None:
            drop_lengths(self.project)
        return completed

    def measure(self) -> list[NodeResult]:
        """Build the marts; a mart that fails leaves the others.

        Raises:
            TransformFailed: dbt could not start at all.
        """
        return self.transform.run("run", MEASURE)

    def check(self, models: Sequence[str]) -> list[NodeResult]:
        """Run the data tests of models that were built, but for those that are CI's; a failed one stops nothing."""
        return self.transform.run("test", models, exclude=[f"tag:{CI_TAG}"])

    def as_of(self, warehouse: Warehouse) -> datetime:
        """The instant of the tick that has begun.

        Raises:
            DripsError: none has.
        """
        instant = warehouse.value("select as_of from raw.tick")
        if instant is None:
            raise DripsError("no tick has begun yet; run `drips run` once", file=self.transform.warehouse)
        return instant

    def current_tick(self, warehouse: Warehouse) -> TickStart:
        """The tick that has begun last.

        Raises:
            DripsError: none has.
        """
        return TickStart(self.as_of(warehouse), warehouse.value("select started_at from raw.tick"))

    def own_time(self, warehouse: Warehouse) -> datetime:
        """The tick's own time now: its instant plus what has passed since it began.

        A tick at the wall clock's instant runs on the wall clock; one with `--as-of` runs beside it.
        """
        tick = warehouse.rows("select as_of, started_at from raw.tick")[0]
        return max(tick["as_of"], tick["as_of"] + (utc_now() - tick["started_at"]))

    def _commit(self, warehouse: Warehouse, as_of: datetime, phase: str) -> None:
        selects = {
            name.removeprefix(f"{phase}_"): statement
            for name, statement in _COMMITS.items()
            if name.startswith(f"{phase}_")
        }
        tick = (
            f"select timestamp {quoted_text(str(as_of))} as as_of, {quoted_text(phase)} as phase,"
            f" timestamp {quoted_text(str(datetime.now(UTC).replace(tzinfo=None)))} as recorded_at,"
            " (select coalesce(max(load_id), 0) from raw.loaded_files) as last_load_id"
        )
        if self.journal is not None:
            self.journal.write(
                warehouse, as_of=as_of, phase=phase, selects=selects | _since_loading() | {"ticks": tick}
            )
        with warehouse.transaction():
            for table, select in selects.items():
                if table == HANDED_OVER:
                    continue  # the delivery log has it
                warehouse.execute(f"insert into journal.{table} by name {select}")
            warehouse.execute(f"insert into journal.ticks by name {tick}")


def _way_back(last: datetime) -> str:
    """What to do where the last tick lies ahead: its `--as-of` was a mistake, or the clock was wrong."""
    if last <= utc_now():
        return ""
    return (
        "; that one lies ahead of the clock. `drips rebuild --until T` goes back to the last tick up to T"
        " (docs/decisions.md)"
    )


def _since_loading() -> dict[str, str]:
    """Selects of rows that the warehouse has since loading, and that the journal has not."""
    return {
        "sequence_versions": "select versions.* from journal.sequence_versions as versions, raw.tick"
        " where tick.previous_as_of is null or versions.seen_at > tick.previous_as_of"
        " order by versions.seen_at, versions.version_number",
        LOADED_FILES: "select * from raw.loaded_files"
        " where load_id > (select coalesce(max(last_load_id), 0) from journal.ticks)",
    }
