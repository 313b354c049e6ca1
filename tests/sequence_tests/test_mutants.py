"""The tests that the five sequences ship with notice nearly every small change of what decides.

Every mutant is lived in this process on one bench, up to the first test that notices. A sample of a fixed seed; all of
them with `pytest tests/sequence_tests/test_mutants.py --all-mutants -s -n 0`, which prints those that survive.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from conftest import REPOSITORY, copy_project
from dbt_models import rendered

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequence_tests.bench import Bench, bench_of
from dagster_drips.sequence_tests.telling import first_difference
from dagster_drips.sequences.catalog import SETTINGS_FILE, Catalog, read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.tests_file import WrittenTest, read_tests
from sequence_tests.mutants import Mutant, mutants_of_segments, mutants_of_sequences, mutants_of_settings

pytestmark = pytest.mark.slow

SAMPLE = 25
SEED = 13


@dataclass
class Suite:
    """The shipped tests on one bench, those first that noticed something of the kind before."""

    bench: Bench
    catalog: Catalog
    tests: list[WrittenTest]
    noticed: dict[str, list[str]] = field(default_factory=dict)

    def notices(self, mutant: Mutant) -> bool:
        if mutant.file.startswith("segments/"):
            return self._notices_segment(mutant)
        return self._some_test_fails(mutant)

    def _notices_segment(self, mutant: Mutant) -> bool:
        original = self.bench.segments[mutant.owner].select
        self.bench.replace_segment(mutant.owner, rendered(mutant.content))
        try:
            return self._some_test_fails(mutant)
        finally:
            self.bench.replace_segment(mutant.owner, original)

    def _some_test_fails(self, mutant: Mutant) -> bool:
        """Asked first: tests that noticed such a change before, then those that have the most of its words."""
        key = f"{mutant.owner} {mutant.what.split(' ')[0]}"
        words = set(re.findall(r"\w{3,}", f"{mutant.file} {mutant.what}"))
        first = self.noticed.setdefault(key, [])

        def turn(test: WrittenTest) -> tuple[int, int, int]:
            text = test.test.model_dump_json()
            name = f"{test.sequence_id} {test.test.name}"
            known = first.index(name) if name in first else len(first)
            return known, -sum(word in text for word in words), len(test.ticks)

        for test in sorted(self._tests_of(mutant), key=turn):
            try:
                passed = self.bench.run(test, mutant.edit).passed
            except DripsError:
                passed = False
            if not passed:
                name = f"{test.sequence_id} {test.test.name}"
                first[:] = [name, *(one for one in first if one != name)]
                return True
        return False

    def _tests_of(self, mutant: Mutant) -> list[WrittenTest]:
        if mutant.file == SETTINGS_FILE:
            return self.tests
        if mutant.file.startswith("segments/"):
            naming = {
                sequence_id
                for sequence_id, written in self.catalog.written.items()
                if f'"{mutant.owner}"' in written.sequence.model_dump_json()
            }
            return [
                test
                for test in self.tests
                if test.sequence_id in naming and mutant.owner not in test.test.given.segments
            ]
        return [test for test in self.tests if test.sequence_id == mutant.owner]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_project(tmp_path_factory.mktemp("mutants") / "project", sequences=REPOSITORY / "sequences")


@pytest.fixture(scope="module")
def suite(project: Project) -> Iterator[Suite]:
    segments = segment_names(project)
    catalog = read_catalog(project, segments=segments)
    tests, problems = read_tests(project, catalog, segments=segments)
    assert problems == []
    with bench_of(project, tests) as bench:
        yield Suite(bench, catalog, tests)


@pytest.fixture(scope="module")
def mutants(project: Project, suite: Suite) -> list[Mutant]:
    return [
        *mutants_of_sequences(project, suite.catalog),
        *mutants_of_settings(project, suite.catalog),
        *mutants_of_segments(project),
    ]


def test_the_tests_that_the_sequences_ship_with_pass_in_any_order(suite: Suite) -> None:
    shuffled = random.Random(SEED).sample(suite.tests, len(suite.tests))
    failed = [verdict for verdict in map(suite.bench.run, shuffled) if not verdict.passed]
    assert [first_difference(verdict) for verdict in failed] == []
    assert {test.sequence_id for test in suite.tests} == {*suite.catalog.written}


def test_there_are_mutants_of_every_kind(mutants: list[Mutant], suite: Suite) -> None:
    assert len({str(mutant) for mutant in mutants}) == len(mutants)
    assert {mutant.owner for mutant in mutants} == {*suite.catalog.written, SETTINGS_FILE, *suite.bench.segments}
    for words in (
        "delay", "only_if", "unless", "exit_on", "segments", "send_window", "trigger", "goal", "reentry", "holdout",
        "frequency_cap", "variants", "expires_after", "lookback", "topic", "priority", "subject", "template",
    ):  # fmt: skip
        assert any(words in mutant.what for mutant in mutants), words


def test_the_tests_of_the_sequences_notice_nine_of_ten_mutants(
    mutants: list[Mutant], suite: Suite, pytestconfig: pytest.Config
) -> None:
    chosen = mutants
    if not pytestconfig.getoption("--all-mutants"):
        chosen = random.Random(SEED).sample(mutants, SAMPLE)
    survivors = []
    for mutant in chosen:
        if not suite.notices(mutant):
            survivors.append(mutant)
            print(f"survives: {mutant}", flush=True)
    told = "\n".join(f"survives: {mutant}" for mutant in survivors)
    print(f"\n{len(chosen) - len(survivors)} of {len(chosen)} mutants noticed (of {len(mutants)})\n{told}")
    assert len(survivors) <= 0.1 * len(chosen), told
