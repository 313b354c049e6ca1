"""A tick: its phases, and their one order (T4).

Each phase leaves the warehouse and the journal in a state from which the next one, or a repetition after a crash, goes
on. Here belongs the order of things. What does not: deciding (dbt), committing (`commits`), sending (`delivery`),
reading files (`landing`, `sequences`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from dagster_drips.blob_store import BlobStore
from dagster_drips.clock import format_instant, utc_now
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.delivery.lengths import drop_lengths
from dagster_drips.delivery.place import mark_place
from dagster_drips.errors import DripsError
from dagster_drips.landing.load import LoadReport, load_landing
from dagster_drips.pipeline.catalog import CatalogReader
from dagster_drips.pipeline.commits import STATEMENTS, commit, recover, recover_commits
from dagster_drips.pipeline.content import (
    ContentFailure,
    expect_content,
    freeze_content,
    make_content_models,
    set_failures,
)
from dagster_drips.pipeline.data_tests import failed_gates, run_tests
from dagster_drips.pipeline.day_ends import note_what_waits
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME
from dagster_drips.pipeline.dbt_runner import CI_TAG, MEASURE, Transform, TransformFailed
from dagster_drips.pipeline.declining import declined_steps
from dagster_drips.pipeline.gates import decided_at, expect_gates, set_failed_tests
from dagster_drips.pipeline.in_bucket import begin_with_bucket, fetch_meanwhile, keep_in_bucket
from dagster_drips.pipeline.intake import IntakeReport, land_changes
from dagster_drips.pipeline.mail_exchangers import load_exchangers
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.rebuild_in_place import check_is_made
from dagster_drips.pipeline.segments import (
    SegmentFailure,
    left_out,
    record_failures,
    run_decisions,
    segments_without_file,
)
from dagster_drips.pipeline.tick_clock import TickStart, current_tick, note_sending, own_time, set_clock
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.versions import live_settings, record_catalog
from dagster_drips.settings import Settings, load_settings
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.marts_watermark import BROUGHT_UP_TO_DATE, begin_measuring, end_measuring

PHASES = ("begin", "load", "decide", "commit", "send", "settle", "measure")
"""In the order of a tick; Dagster's assets are the same phases one by one."""

_BROUGHT_UP_TO_DATE = frozenset(f"model.{PACKAGE_NAME}.{table.split('.')[1]}" for table in BROUGHT_UP_TO_DATE)
"""dbt's ids of the incremental marts."""

Phase = Callable[[str], AbstractContextManager[object]]
"""Goes around a phase, given its name: to time it, or to tell of it."""


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
    tests: list[NodeResult] = field(default_factory=list)
    broken_segments: list[SegmentFailure] = field(default_factory=list)


@dataclass(frozen=True)
class TickReport:
    """What a whole tick did.

    Args:
        problems: mistakes in sequence files.
        loaded: what was loaded of each kind; empty where nothing was to be.
        decided: counts, and broken segments.
        sent: what became of what was due; None where nothing was to go out.
        completed: enrollments with no step left.
        measured: what became of each mart; empty where none was built.
        intake: what intake models landed.
    """

    problems: list[Problem]
    loaded: dict[str, LoadReport]
    decided: Decided
    sent: DispatchReport | None
    completed: int
    measured: list[NodeResult]
    intake: IntakeReport = field(default_factory=IntakeReport)


class Pipeline:
    """The phases of a tick on one project.

    Args:
        project: whose files to read.
        transform: dbt on the warehouse that the phases are given.
        journal: where decisions are kept; None for a throw-away run, which keeps nothing.
        edit: what a look ahead takes the sequence files to say instead of what they do.
    """

    def __init__(
        self,
        project: Project,
        transform: Transform,
        journal: TickJournal | None,
        edit: Callable[[Catalog], Catalog] = lambda catalog: catalog,
    ):
        self._edit = edit
        self.project = project
        self.transform = transform
        self.journal = journal
        self._catalogs = CatalogReader(project)

    @classmethod
    def of(cls, project: Project) -> Pipeline:
        """The pipeline of a project's own warehouse and journal."""
        return cls(project, Transform(project), TickJournal(project.journal / "ticks"))

    def tick(
        self,
        warehouse: Warehouse,
        as_of: datetime | None = None,
        *,
        settings: Settings | None,
        leave_due: bool = False,
        load: bool = True,
        measure: bool = True,
        around: Phase = nullcontext,
    ) -> TickReport:
        """A whole tick, phase by phase (T4).

        Args:
            warehouse: open for writing.
            as_of: its instant; the wall clock's where None.
            settings: the mail servers; None: what is due is taken to be sent, as a replay does.
            leave_due: neither send nor pretend to: what is due stays due.
            load: read sequence and landing files; without it the warehouse's rows are decided upon as they are.
            measure: build the marts.
            around: entered and left around each phase.

        Raises:
            DripsError: the instant is not later than the last tick's, or a phase can't do its work.
        """
        problems: list[Problem] = []
        intake, loaded = IntakeReport(), dict[str, LoadReport]()
        sent: DispatchReport | None = None
        measured: list[NodeResult] = []
        with around("begin"):
            self.begin(warehouse, as_of)
        with around("load"):
            if load:
                _, problems = self.load_sequences(warehouse)
                intake = self.land_intake(warehouse)
                loaded = self.load_landing(warehouse, LANDING_KINDS)
        with around("decide"):
            decided = self.decide(warehouse)
        with around("commit"):
            self.commit_decisions(warehouse)
        with around("send"):
            if not leave_due:
                sent = self.send(warehouse, settings) if settings else self.pretend_to_send(warehouse)
        with around("settle"):
            completed = self.settle(warehouse)
        with around("measure"):
            if measure:
                measured = self.measure()
        return TickReport(problems, loaded, decided, sent, completed, measured, intake)

    def catalog(self) -> Catalog:
        """What the sequence files say now."""
        return self._edit(self._catalogs.read())

    def begin(self, warehouse: Warehouse, as_of: datetime | None = None) -> datetime:
        """Take in what a crash left, and set the clock (T1): to `as_of`, or the wall clock where None; returns it.

        Raises:
            DripsError: it is not later than the last finished tick.
        """
        instant = (as_of or utc_now()).replace(microsecond=0)
        if self.journal is not None:
            check_is_made(warehouse)
            mark_place(self.project)
            begin_with_bucket(self.project)
            recover(self.project, warehouse, self.journal)
        last = warehouse.rows(STATEMENTS["last_ticks"])[0]
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
        if self.journal is not None:
            note_what_waits(warehouse, instant)
        set_clock(warehouse, instant)
        return instant

    def load_sequences(self, warehouse: Warehouse) -> tuple[Catalog, list[Problem]]:
        """Read the sequence files and make them what dbt reads (S1, S2, S3), and what `drips mx` found; also returns
        their errors.
        """
        catalog = self.catalog()
        # A replay sends nothing, so it needs no files.
        keep = BlobStore.of(self.project) if self.journal is not None else None
        record_catalog(warehouse, catalog, as_of=self.as_of(warehouse), keep=keep)
        errors = [problem for problem in catalog.problems if problem.severity == "error"]
        return catalog, [*errors, *load_exchangers(self.project, warehouse)]

    def land_intake(self, warehouse: Warehouse) -> IntakeReport:
        """Land what has changed in the project's intake models; a throw-away run lands nothing."""
        if self.journal is None:
            return IntakeReport()
        return land_changes(self.project, self.transform, warehouse, self.as_of(warehouse))

    def load_landing(
        self, warehouse: Warehouse, kinds: tuple[str, ...], progress: Callable[[str, int], None] | None = None
    ) -> dict[str, LoadReport]:
        """Load what was landed since; counts for each kind."""
        if self.journal is not None:
            fetch_meanwhile(self.project)
        fields = live_settings(warehouse, self.catalog()).fields
        return load_landing(self.project, warehouse, kinds=kinds, fields=fields, loaded_at=utc_now(), progress=progress)

    def decide(self, warehouse: Warehouse, *, tested: bool = True) -> Decided:
        """Run the decide models, held by the gates of this tick (G1); nothing is settled before `commit_decisions`.

        Args:
            warehouse: with a tick begun.
            tested: ask dbt's data tests first; a tick that has decided keeps what they said then, and a throw-away run
                takes all to pass.

        Raises:
            TransformFailed: a model failed that is not a segment.
        """
        is_life = self.journal is not None
        expect_gates(self.project, warehouse, is_life=is_life)
        expect_content(self.project, warehouse)
        nodes, broken = run_decisions(self.project, self.transform, warehouse)
        tests: list[NodeResult] = []
        if tested and is_life:
            tests = self._test(broken)
            failed = failed_gates(self.transform, warehouse, tests)
            if decided_at(warehouse) is None and set_failed_tests(warehouse, failed):
                nodes, broken = run_decisions(self.project, self.transform, warehouse)
                tests = self._test(broken)
        made = make_content_models(self.project, self.transform, warehouse)
        failing: list[ContentFailure] = []
        while found := freeze_content(warehouse):
            # Held, their steps are due no more, and whatever else is stands as it is.
            failing += found
            if not set_failures(warehouse, failing):
                raise DripsError(f"content model {found[0]} and its steps are due all the same")
            nodes, broken = run_decisions(self.project, self.transform, warehouse)
        if declined_steps(warehouse):
            nodes = [*nodes, *self._run_step_states()]
        nodes = [*nodes, *made]
        record_failures(warehouse, [*broken, *segments_without_file(self.project, warehouse)])
        counts = warehouse.rows(STATEMENTS["counts"])[0]
        return Decided(as_of=self.as_of(warehouse), nodes=nodes, tests=tests, broken_segments=broken, **counts)

    def _run_step_states(self) -> list[NodeResult]:
        results = self.transform.run_step_states()
        if failed := [result for result in results if result.failed]:
            raise TransformFailed(f"dbt model {failed[0].name} failed: {failed[0].message}", results)
        return results

    def _test(self, broken: Sequence[SegmentFailure]) -> list[NodeResult]:
        return run_tests(self.transform, left_out(self.project, {one.segment for one in broken}))

    def commit_decisions(self, warehouse: Warehouse) -> None:
        """Keep what the models decided, for good: who is enrolled, exits, skips, segment changes. Before sending."""
        if self.journal is not None:
            recover_commits(warehouse, self.journal)
        commit(warehouse, self.journal, self.as_of(warehouse), "decided")

    def ready_to_send(self, warehouse: Warehouse) -> bool:
        """Whether this tick's decisions are committed and the tick is not finished: only then may mail go out."""
        return {row["phase"] for row in warehouse.rows(STATEMENTS["phases"])} == {"decided"}

    def send(
        self, warehouse: Warehouse, settings: Settings, progress: Callable[[int, int], None] | None = None
    ) -> DispatchReport:
        """Dispatch what is due at this tick, suppressions (L3) and exits (L1) asked again up to the moment.

        Nothing goes out where the tick's decisions are not committed or it is finished.

        Raises:
            DripsError: no login, no TLS, another send going on: nothing was claimed.
        """
        if not self.ready_to_send(warehouse):
            return DispatchReport()

        keep_in_bucket(self.project)
        report = dispatch(
            self.project,
            warehouse,
            settings,
            as_of=self.as_of(warehouse),
            now=lambda: own_time(warehouse),
            refresh=lambda: self.refresh(warehouse),
            progress=progress,
        )
        if report.due:
            keep_in_bucket(self.project)
        return report

    def refresh(self, warehouse: Warehouse) -> None:
        """Load what has landed since the tick decided, and have suppressions (L3) and exits (L1) count up to now."""
        self.load_landing(warehouse, ("suppressions", "engagement", "events"))
        note_sending(warehouse)

    def pretend_to_send(self, warehouse: Warehouse) -> None:
        """Take every due step to be sent (M4): what a replay does instead of dispatching."""
        warehouse.execute(STATEMENTS["pretend_to_send"])

    def settle(self, warehouse: Warehouse) -> int:
        """Complete enrollments with no step left (T4, 9) and finish the tick; returns how many completed."""
        if not self.ready_to_send(warehouse):
            return 0  # this tick is finished already, or was overtaken before it decided anything
        with warehouse.transaction():
            warehouse.execute(STATEMENTS["forget_completions"])
            warehouse.execute(STATEMENTS["note_completions"])
        completed = warehouse.value(STATEMENTS["completions"])
        commit(warehouse, self.journal, self.as_of(warehouse), "finished")
        if self.journal is not None:
            drop_lengths(self.project)
            keep_in_bucket(self.project)
        return completed

    def measure(self) -> list[NodeResult]:
        """Build the marts; one that fails leaves the others. What was news stays news until those are built that are
        brought up to date, whatever becomes of the project's own.

        Raises:
            TransformFailed: dbt could not start at all.
        """
        with open_warehouse(self.transform.warehouse, prepared=True) as warehouse:
            measured = begin_measuring(warehouse, self.transform.fingerprint_of_rules)
            results = self.transform.run("run", MEASURE)
            if all(one.status == "success" for one in results if one.unique_id in _BROUGHT_UP_TO_DATE):
                end_measuring(warehouse, measured)
        return results

    def check_marts(self, warehouse: Warehouse) -> list[NodeResult]:
        """Run the data tests of marts that were built, but for those that are CI's; a failed one stops nothing.

        Nothing waits for them, and they read the marts whole: they run at each `DRIPS_MART_TESTS_EVERY`th tick alone.
        """
        is_due = warehouse.value(STATEMENTS["ticks_before"]) % load_settings(self.project).mart_tests_every == 0
        return self.check(MEASURE) if is_due else []

    def check(self, models: Sequence[str]) -> list[NodeResult]:
        """Run the data tests of models, but for those that are CI's."""
        return self.transform.run("test", models, exclude=[f"tag:{CI_TAG}"])

    def as_of(self, warehouse: Warehouse) -> datetime:
        """The instant of the tick that has begun.

        Raises:
            DripsError: none has.
        """
        return current_tick(warehouse).as_of

    def current_tick(self, warehouse: Warehouse) -> TickStart:
        """The tick that has begun last.

        Raises:
            DripsError: none has.
        """
        return current_tick(warehouse)


def _way_back(last: datetime) -> str:
    """What to do where the last tick lies ahead: its `--as-of` was a mistake, or the clock was wrong."""
    if last <= utc_now():
        return ""
    return (
        "; that one lies ahead of the clock. `drips rebuild --until T` goes back to the last tick up to T"
        " (docs/decisions.md)"
    )
