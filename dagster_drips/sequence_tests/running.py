"""All tests of a project, or of one sequence: read, run, and what became of each.

Here belongs the order of things. One test is the matter of `bench`, telling people that of `telling` and `junit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequence_tests.bench import Verdict
from dagster_drips.sequence_tests.workers import outcomes
from dagster_drips.sequences.catalog import SENDERS_FILE, SETTINGS_FILE, TESTS_FILE, Catalog, read_catalog
from dagster_drips.sequences.problems import Problem, suggestion
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.tests_file import WrittenTest, read_tests, sequences_with_tests


@dataclass(frozen=True)
class Report:
    """What a run of tests came to.

    Args:
        verdicts: of each test that was run, in the order of the files.
        problems: mistakes in files; where there are any, nothing was run.
        untested: sequences without tests.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[Verdict]:
        """Those with a difference."""
        return [verdict for verdict in self.verdicts if not verdict.passed]

    @property
    def exit_code(self) -> int:
        """0: all passed; 1: a test failed; 2: a file has mistakes."""
        return 2 if self.problems else 1 if self.failed else 0


def run_tests(
    project: Project,
    sequence_id: str | None = None,
    *,
    on_start: Callable[[Sequence[WrittenTest]], None] = lambda tests: None,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> Report:
    """Run the tests of a sequence, or of all that have some; nothing is sent, no warehouse of the project touched.

    Args:
        project: whose sequences, models and settings to use; it needs no data.
        sequence_id: the sequence; None: all.
        on_start: told of the tests before the first one.
        on_verdict: told of each when it is done.

    Raises:
        DripsError: there is no such sequence, it has no tests, or dbt can't read the project.
    """
    segments = segment_names(project)
    catalog = read_catalog(project, segments=segments)
    chosen = _chosen(project, catalog, sequence_id)
    tests, problems = read_tests(project, catalog, segments=segments, sequences=chosen)
    problems = sorted([*_in_the_way(catalog, chosen, tests), *problems], key=lambda one: (one.file, one.line or 0))
    known = sorted({*catalog.written, *catalog.invalid})
    untested = [name for name in known if name not in chosen] if sequence_id is None else []
    if problems or not tests:
        return Report([], problems, untested)
    on_start(tests)
    verdicts = []
    for outcome in outcomes(project, tests):
        if isinstance(outcome, DripsError):
            # A given row that can't be landed: the others are run all the same.
            problems.append(Problem(outcome.file or "", outcome.line, outcome.message))
            continue
        verdicts.append(outcome)
        on_verdict(outcome)
    return Report(verdicts, problems, untested)


def _chosen(project: Project, catalog: Catalog, sequence_id: str | None) -> list[str]:
    with_tests = sequences_with_tests(project)
    if sequence_id is None:
        return with_tests
    known = {*catalog.written, *catalog.invalid}
    if sequence_id not in known:
        raise DripsError(f"there is no sequence '{sequence_id}'{suggestion(sequence_id, known)}")
    if sequence_id not in with_tests:
        raise DripsError("this sequence has no tests; make the file", file=f"sequences/{sequence_id}/{TESTS_FILE}")
    return [sequence_id]


def _in_the_way(catalog: Catalog, chosen: Sequence[str], tests: Sequence[WrittenTest]) -> list[Problem]:
    """Mistakes without whose fixing these tests would be of something else than the files."""
    names = {*chosen, *(name for test in tests for name in test.test.alongside)}
    shared = tuple(f"/{file}" for file in (SETTINGS_FILE, SENDERS_FILE))
    return [
        problem
        for problem in catalog.errors
        if problem.file.endswith(shared) or any(problem.file.startswith(f"sequences/{name}/") for name in names)
    ]
