"""The `tests.yml` of sequences: finding and reading them, and what must fit the sequence and the project.

Here belong mistakes that can be told without running anything, each with its line. Running a test is the matter of
`dagster_drips.sequence_tests`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SEQUENCE_FILE, TESTS_FILE, Catalog
from dagster_drips.sequences.content_files import ContentFile, content_files
from dagster_drips.sequences.problems import Problem, nearest, suggestion
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import Sequence
from dagster_drips.sequences.tests_schema import Given, GivenEvent, SequenceTest, TestsFile, TicksEvery, resolved
from dagster_drips.vocabulary import LANDED_COLUMNS, LEAD_CREATED

MOST_TICKS = 5_000
_SHORTLY = timedelta(minutes=1)
_KINDS = ("mails", "enrollments", "skips", "exits", "completed")
_Place = tuple[str | int, ...]


@dataclass(frozen=True)
class WrittenTest:
    """A test as its file has it, checked.

    Args:
        sequence_id: whose.
        file: relative to the project folder.
        line: where it begins.
        test: what it says.
        ticks: its instants, in order.
    """

    sequence_id: str
    file: str
    line: int
    test: SequenceTest
    ticks: tuple[datetime, ...]
    reading: Reading
    place: _Place

    def line_of(self, *path: str | int) -> int:
        """The line of a part of the test: `"given", "leads", 0`."""
        return self.reading.line_of((*self.place, *path))


def sequences_with_tests(project: Project) -> list[str]:
    """Ids of the sequences that have tests, sorted."""
    return sorted(
        path.parent.name
        for path in project.sequences.glob(f"*/{TESTS_FILE}")
        if not path.parent.name.startswith((".", "_")) and (path.parent / SEQUENCE_FILE).exists()
    )


def read_tests(
    project: Project, catalog: Catalog, *, segments: Collection[str], sequences: Collection[str] | None = None
) -> tuple[list[WrittenTest], list[Problem]]:
    """The tests of these sequences (None: of all), in the order of the files, and every mistake in them.

    A file with a mistake gives no test.
    """
    tests: list[WrittenTest] = []
    problems: list[Problem] = []
    for sequence_id in sequences_with_tests(project) if sequences is None else sequences:
        path = project.sequences / sequence_id / TESTS_FILE
        found, more = _read(project, path, catalog, segments)
        tests += found
        problems += more
    return tests, problems


def given_events(project: Project, sequence_id: str) -> list[GivenEvent]:
    """The events of a sequence's tests, in the order of the file; none of a file with a mistake in its shape."""
    return [event for given in _given(project, sequence_id) for event in given.events]


def given_content(project: Project, sequence_id: str) -> dict[str, list[dict[str, Any]]]:
    """Content model → the rows that the first of a sequence's tests with any has; none of such a file."""
    found: dict[str, list[dict[str, Any]]] = {}
    for given in _given(project, sequence_id):
        for name, rows in given.content.items():
            if rows:
                found.setdefault(name, rows)
    return found


def _given(project: Project, sequence_id: str) -> list[Given]:
    path = project.sequences / sequence_id / TESTS_FILE
    try:
        reading = Reading(path.relative_to(project.root).as_posix(), path.read_bytes())
    except OSError:
        return []
    content = reading.validated(TestsFile) if reading.document else None
    return [test.given for test in content.tests] if content else []


def ticks_of(test: SequenceTest) -> list[datetime]:
    """The instants of a test's ticks.

    Raises:
        ValueError: there are none after the start, or too many.
        OverflowError: no calendar reaches that far.
    """
    start = test.start
    if isinstance(test.ticks, TicksEvery):
        count = (resolved(test.ticks.until, start) - start) // test.ticks.every + 1
        if count < 1:
            raise ValueError("until lies before the test's start")
        if count > MOST_TICKS:
            raise ValueError(f"{count} ticks are more than {MOST_TICKS}")
        return [start + number * test.ticks.every for number in range(count)]
    if test.ticks is not None:
        instants = {resolved(moment, start) for moment in test.ticks}
        if any(instant < start for instant in instants):
            raise ValueError("a tick lies before the test's start")
        return sorted(instants | {start})
    expected = {resolved(row.at, start) for _, _, row in _expected_rows(test) if row.at is not None}
    given = {resolved(moment, start) for moment in _given_moments(test)}
    return sorted({start} | {at for at in expected | given | {at - _SHORTLY for at in expected} if at >= start})


def _given_moments(test: SequenceTest) -> Iterator[datetime | timedelta]:
    given = test.given
    yield from (lead.created_at for lead in given.leads)
    for row in (*given.events, *given.suppressions, *given.engagement):
        if row.occurred_at is not None:
            yield row.occurred_at


def _expected_rows(test: SequenceTest) -> Iterator[tuple[str, int, Any]]:
    """(kind, number, row) of all that is expected."""
    for kind in _KINDS:
        for number, row in enumerate(getattr(test.expect, kind) or ()):
            yield kind, number, row


def _read(
    project: Project, path: Path, catalog: Catalog, segments: Collection[str]
) -> tuple[list[WrittenTest], list[Problem]]:
    file = path.relative_to(project.root).as_posix()
    try:
        reading = Reading(file, path.read_bytes())
    except OSError as error:
        return [], [Problem(file, None, f"can't be read: {error.strerror}")]
    content = reading.validated(TestsFile) if reading.document else None
    if content is None:
        return [], reading.problems
    sequence_id = path.parent.name
    written = catalog.written.get(sequence_id)
    known = _Known(
        sequence_id,
        written.sequence if written else None,
        frozenset({*catalog.written, *catalog.invalid}),
        frozenset(segments),
        frozenset(catalog.settings.fields),
        content_files(project),
    )
    tests, names = [], set()
    for number, test in enumerate(content.tests):
        place = ("tests", number)
        if test.name in names:
            reading.error((*place, "name"), f"two tests are called '{test.name}'")
        names.add(test.name)
        ticks = _Checks(reading, place, test, known).ticks()
        tests.append(WrittenTest(sequence_id, file, reading.line_of(place), test, tuple(ticks), reading, place))
    return ([] if reading.is_broken else tests), reading.problems


@dataclass(frozen=True)
class _Known:
    """What a test may name; `sequence` None: its file has mistakes, so nobody knows its steps."""

    sequence_id: str
    sequence: Sequence | None
    sequences: frozenset[str]
    segments: frozenset[str]
    fields: frozenset[str]
    content: Mapping[str, ContentFile]


@dataclass(frozen=True)
class _Checks:
    """What must fit together in one test."""

    reading: Reading
    place: _Place
    test: SequenceTest
    known: _Known

    def ticks(self) -> list[datetime]:
        """Note every mistake; the instants of its ticks, as far as they can be told."""
        self._check_given()
        self._check_alongside()
        self._check_expected()
        try:
            ticks = ticks_of(self.test)
            for moment in _given_moments(self.test):
                resolved(moment, self.test.start)
        except ValueError as error:
            self._error(("ticks",), f"ticks: {error}")
            return []
        except OverflowError:
            self._error((), "a time of this test lies beyond all calendars")
            return []
        instants = set(ticks)
        for kind, number, row in _expected_rows(self.test):
            if row.at is not None and resolved(row.at, self.test.start) not in instants:
                self._error(
                    ("expect", kind, number, "at"), "there is no tick at that time: add it to ticks, or leave them out"
                )
        return ticks

    def _error(self, path: _Place, message: str) -> None:
        self.reading.error((*self.place, *path), message)

    def _check_given(self) -> None:
        given = self.test.given
        for number, lead in enumerate(given.leads):
            for name in lead.model_extra or {}:
                self._check_field(("given", "leads", number, name), name)
        leads = {lead.lead_id for lead in given.leads}
        for number, event in enumerate(given.events):
            self._check_lead(("given", "events", number, "lead_id"), event.lead_id, leads)
            if event.event == LEAD_CREATED:
                message = f"{LEAD_CREATED} is built in: a lead's created_at is it (E1)"
                self._error(("given", "events", number, "event"), message)
        for number, row in enumerate(given.suppressions):
            if (row.email is None) == (row.lead_id is None):
                self._error(("given", "suppressions", number), "a suppression is of one of email and lead_id")
            if row.lead_id is not None:
                self._check_lead(("given", "suppressions", number, "lead_id"), row.lead_id, leads)
        for number, fact in enumerate(given.engagement):
            self._check_lead(("given", "engagement", number, "lead_id"), fact.lead_id, leads)
            self._check_step(("given", "engagement", number, "step"), fact.step)
        for name, members in given.segments.items():
            if name not in self.known.segments:
                message = f"unknown segment '{name}'{suggestion(name, self.known.segments)}"
                self._error(("given", "segments", name), message)
            for number, member in enumerate(members):
                self._check_lead(("given", "segments", name, number), member.lead_id, leads)
        for name, rows in given.content.items():
            if name not in self.known.content:
                message = f"unknown content model '{name}'{suggestion(name, self.known.content)}"
                self._error(("given", "content", name), message)
                continue
            key = self.known.content[name].key
            for number, row in enumerate(rows):
                if key not in row:
                    self._error(("given", "content", name, number), f"this row lacks its model's key '{key}' (M9)")

    def _check_field(self, path: _Place, name: str) -> None:
        known = {*LANDED_COLUMNS["leads"], *self.known.fields}
        close = nearest(name, known)
        if name not in known and close:
            message = f"unknown field '{name}'; did you mean '{close}'? Else declare it in project.yml (fields)"
            self._error(path, message)

    def _check_lead(self, path: _Place, lead_id: str, leads: Collection[str]) -> None:
        if lead_id not in leads:
            self._error(path, f"no lead '{lead_id}' is given{suggestion(lead_id, leads)}")

    def _check_step(self, path: _Place, step_id: str) -> None:
        if self.known.sequence is None:
            return
        steps = [step.id for step in self.known.sequence.steps]
        if step_id not in steps:
            self._error(path, f"unknown step '{step_id}'{suggestion(step_id, steps)}")

    def _check_alongside(self) -> None:
        for number, name in enumerate(self.test.alongside):
            others = self.known.sequences - {self.known.sequence_id}
            if name not in others:
                self._error(("alongside", number), f"unknown sequence '{name}'{suggestion(name, others)}")

    def _check_expected(self) -> None:
        expect = self.test.expect
        if all(getattr(expect, kind) is None for kind in _KINDS):
            self._error(("expect",), f"expects nothing: give one of {', '.join(_KINDS)} ([] for none at all)")
        leads = {lead.lead_id for lead in self.test.given.leads}
        for kind, number, row in _expected_rows(self.test):
            path = ("expect", kind, number)
            self._check_lead((*path, "lead_id"), row.lead_id, leads)
            if kind in ("mails", "skips"):
                self._check_step((*path, "step"), row.step)
            if kind == "mails" and row.variant is not None:
                self._check_variant((*path, "variant"), row.step, row.variant)

    def _check_variant(self, path: _Place, step_id: str, variant_id: str) -> None:
        steps = self.known.sequence.steps if self.known.sequence else ()
        step = next((step for step in steps if step.id == step_id), None)
        if step is None:
            return
        variants = [variant.id for variant in step.variants or ()]
        if variant_id not in variants:
            self._error(path, f"step '{step_id}' has no variant '{variant_id}'{suggestion(variant_id, variants)}")
