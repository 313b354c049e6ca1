"""The bench that tests run on: a throw-away warehouse with the project's models in it, emptied after every test.

Here belongs what all tests share, so that a test costs its ticks and nothing else: one parse of dbt, one run of it, the
compiled models planned once. What a test gives and expects are the neighbours' matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

import duckdb

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.sequence_tests.comparing import Comparison, Difference
from dagster_drips.sequence_tests.given import engagement_row, given_rows, land
from dagster_drips.sequence_tests.given_content import replace_content
from dagster_drips.sequence_tests.mails import Mail, MailRoom
from dagster_drips.sequence_tests.models import BenchTransform
from dagster_drips.sequence_tests.prepared import PlannedWarehouse
from dagster_drips.sequence_tests.reasons import why
from dagster_drips.sequences.activation import activated
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.sequences.content_files import content_files
from dagster_drips.sequences.tests_file import WrittenTest
from dagster_drips.sequences.tests_schema import SequenceTest, resolved
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("bench.sql"))
_A_DAY = timedelta(days=1)
_WORDS = 500


@dataclass(frozen=True)
class StagedProject(Project):
    """A project's files with data of their own, somewhere else."""

    elsewhere: Path = Path()

    @property
    def data(self) -> Path:
        """Not the project's."""
        return self.elsewhere


@dataclass(frozen=True)
class Verdict:
    """What became of a test.

    Args:
        written: the test.
        difference: the first one; None: it passed.
        seconds: how long it took.
        ticks: how many were run.
    """

    written: WrittenTest
    difference: Difference | None
    seconds: float
    ticks: int

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return self.difference is None


@contextmanager
def bench_of(project: Project, tests: Collection[WrittenTest]) -> Generator[Bench]:
    """The bench for these tests; nothing in the project changes but dbt's list of segments.

    Raises:
        DripsError: dbt can't read the project, a model fails, or a segment does.
    """
    with scratch_folder(None) as scratch:
        staged = StagedProject(project.root, scratch / "data")
        transform = BenchTransform(staged, warehouse=scratch / "warehouse.duckdb", target_path=scratch / "target")
        with open_warehouse(transform.warehouse) as warehouse:
            yield Bench(staged, transform, PlannedWarehouse(warehouse), tests)


class Bench:
    """Runs tests one after the other; each begins with nothing.

    Args:
        project: with data of its own.
        transform: dbt on its models and on the warehouse.
        warehouse: throw-away.
        tests: what will be run, for the leads' custom fields: models keep their columns from test to test.
    """

    def __init__(
        self, project: Project, transform: BenchTransform, warehouse: PlannedWarehouse, tests: Collection[WrittenTest]
    ):
        self._project = project
        self._warehouse = warehouse
        self._active: Callable[[Catalog], Catalog] = _without_sequences
        self._transform = transform
        self._pipeline = Pipeline(project, transform, journal=None, edit=lambda catalog: self._active(catalog))
        for name in ("one_thread", "plan_for_any_rows", "schema", "members"):
            warehouse.execute(_STATEMENTS[name])
        self._prepare(tests)
        self._mail_room = MailRoom(warehouse)

    @property
    def warehouse(self) -> PlannedWarehouse:
        """Empty between tests."""
        return self._warehouse

    def run(
        self,
        written: WrittenTest,
        edit: Callable[[Catalog], Catalog] = lambda catalog: catalog,
        *,
        on_tick: Callable[[list[dict[str, Any]]], None] = lambda happened: None,
    ) -> Verdict:
        """Run a test up to its first difference.

        Args:
            written: the test.
            edit: what the sequence files are taken to say instead of what they do.
            on_tick: told after each tick what it did in the sequence, in the columns of `Comparison.tick`.

        Raises:
            DripsError: the sequence's file has mistakes, or a given row can't be landed.
        """
        began = time.monotonic()
        self._active = lambda catalog: _only(edit(catalog), written)
        try:
            with self._warehouse.taken_back(), self._segments_of(written.test), self._content_of(written.test):
                difference, ticks = self._live(written, on_tick)
        except duckdb.Error as error:
            raise DripsError(" ".join(str(error).split())[:_WORDS], file=written.file, line=written.line) from error
        return Verdict(written, difference, time.monotonic() - began, ticks)

    def _live(
        self, written: WrittenTest, on_tick: Callable[[list[dict[str, Any]]], None]
    ) -> tuple[Difference | None, int]:
        rows = given_rows(written.test)
        land(self._project, rows)
        comparison = Comparison(written)
        facts = sorted(
            enumerate(written.test.given.engagement), key=lambda fact: self._at(written, fact[1].occurred_at)
        )
        for number, as_of in enumerate(written.ticks):
            while facts and self._at(written, facts[0][1].occurred_at) <= as_of:
                if missing := self._engage(written, *facts.pop(0), as_of):
                    return missing, number
            mails: dict[str, Mail] = {}

            @contextmanager
            def around(phase: str, is_first: bool = number == 0, mails: dict[str, Mail] = mails) -> Generator[None]:
                if phase == "decide" and is_first:
                    self._check_landed(written)
                if phase == "send" and comparison.wants_mails and self._warehouse.value(_STATEMENTS["any_due"]):
                    mails |= self._mail_room.due()
                yield

            self._pipeline.tick(self._warehouse, as_of, settings=None, load=number == 0, measure=False, around=around)
            happened = self._warehouse.rows(
                _STATEMENTS["happened"], {"sequence_id": written.sequence_id, "as_of": as_of}
            )
            on_tick(happened)
            if found := comparison.tick(as_of, happened, mails):
                return self._with_reason(written, found), number + 1
        found = comparison.end()
        return (self._with_reason(written, found) if found else None), len(written.ticks)

    def _at(self, written: WrittenTest, moment: Any) -> datetime:
        return resolved(moment, written.test.start)

    def _engage(self, written: WrittenTest, number: int, fact: Any, as_of: datetime) -> Difference | None:
        """Note what became of a mail; a difference where no such mail was sent by then."""
        at = self._at(written, fact.occurred_at)
        key = {"sequence_id": written.sequence_id, "lead_id": fact.lead_id, "step_id": fact.step, "at": at}
        found = self._warehouse.rows(_STATEMENTS["last_message"], key)
        if found:
            row = engagement_row(fact, number + 1, found[0]["message_id"], written.test.start)
            self._warehouse.append_rows("raw.engagement", [row])
            return None
        line = written.line_of("given", "engagement", number)
        expected = f"mail {fact.step} to {fact.lead_id} before it is {fact.type}"
        missing = Difference("engagement", as_of, fact.lead_id, fact.step, expected, None, line)
        return self._with_reason(written, missing)

    def _with_reason(self, written: WrittenTest, difference: Difference) -> Difference:
        if difference.kind == "mails" and difference.expected and difference.got:
            return difference  # it was sent as expected, and says something else
        told = why(self._warehouse, written.sequence_id, difference.lead_id, difference.step)
        return replace(difference, why=told)

    def _check_landed(self, written: WrittenTest) -> None:
        for row in self._warehouse.rows(_STATEMENTS["rejected"]):
            line = written.line_of("given", row["kind"], row["line"] - 1)
            raise DripsError(row["reason"], file=written.file, line=line)

    def replace_segment(self, name: str, select: str) -> None:
        """Have another query than its model's say who is in a segment."""
        self._transform.replace_segment(name, select)

    @contextmanager
    def _segments_of(self, test: SequenceTest) -> Generator[None]:
        """The test's own segments in place of the models', while it runs."""
        if not test.given.segments:
            yield
            return
        self._warehouse.append_rows(
            "given.members",
            [
                {
                    "segment": segment,
                    "lead_id": member.lead_id,
                    "entered_at": None if member.entered_at is None else resolved(member.entered_at, test.start),
                    "left_at": None if member.left_at is None else resolved(member.left_at, test.start),
                }
                for segment, members in test.given.segments.items()
                for member in members
            ],
        )
        try:
            for segment in test.given.segments:
                self.replace_segment(segment, _members_of(segment))
            yield
        finally:
            for segment in test.given.segments:
                self.replace_segment(segment, self.segments[segment].select)
            self._warehouse.execute(_STATEMENTS["forget_members"])

    @contextmanager
    def _content_of(self, test: SequenceTest) -> Generator[None]:
        """The test's own content in place of the models'; what it did is taken back with the test."""
        self._transform.given_content = frozenset(test.given.content)
        for name, rows in test.given.content.items():
            replace_content(self._warehouse, name, self._content_columns.get(name, {}), rows)
        try:
            yield
        finally:
            self._transform.given_content = frozenset()

    def _prepare(self, tests: Collection[WrittenTest]) -> None:
        """Make the models by a tick before all others, with the columns that any test's leads have."""
        leads = [lead for written in tests for lead in given_rows(written.test)["leads"]]
        land(self._project, {"leads": leads, "events": [], "suppressions": []})
        before_all = min(written.ticks[0] for written in tests) - _A_DAY
        report = self._pipeline.tick(self._warehouse, before_all, settings=None, measure=False)
        if report.decided.broken_segments:
            failure = report.decided.broken_segments[0]
            raise DripsError(failure.reason, file=failure.file)
        self._transform.settle(self._warehouse)
        self._content_columns = {
            name: self._warehouse.columns(f"content.{name}") for name in content_files(self._project)
        }
        self.segments = self._transform.segments()
        """Segment models as dbt compiled them, by name."""
        with self._warehouse.transaction():
            for row in self._warehouse.rows(_STATEMENTS["filled_tables"]):
                self._warehouse.execute(
                    f"delete from {quoted_name(row['table_schema'])}.{quoted_name(row['table_name'])}"
                )


def _members_of(segment: str) -> str:
    return Template(_STATEMENTS["given_members"]).substitute(segment=quoted_text(segment))


def _without_sequences(catalog: Catalog) -> Catalog:
    return replace(catalog, written={}, sources={})


def _only(catalog: Catalog, written: WrittenTest) -> Catalog:
    """The tested sequence and those that run alongside, all of them active."""
    names = (written.sequence_id, *written.test.alongside)
    kept = {name: catalog.written[name] for name in names if name in catalog.written}
    if written.test.active_from is not None and written.sequence_id in kept:
        tested = kept[written.sequence_id]
        start = {"active_from": resolved(written.test.active_from, written.test.start)}
        kept[written.sequence_id] = replace(tested, sequence=tested.sequence.model_copy(update=start))
    return activated(replace(catalog, written=kept), names)
