"""Every kind of mistake in a `tests.yml` is told with its line and how to mend it; the file is no part of a version."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_drips.cli.validate import validate
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.tests_file import WrittenTest, read_tests

from .conftest import ProjectFolder

FILE = "sequences/welcome/tests.yml"
TESTS = """\
tests:
  - name: greets
    start: 2026-03-02T09:00:00Z
    given:
      leads:
        - {lead_id: ada, first_name: Ada, tags: [vip]}
        - {lead_id: bea, updated_at: +1d}
      events:
        - {lead_id: ada, event: signup, occurred_at: +10m, properties: {plan: pro}}
      engagement:
        - {lead_id: ada, step: welcome, type: opened, occurred_at: +1d}
      suppressions:
        - {lead_id: bea, topic: onboarding, occurred_at: 2026-03-03}
      segments:
        enterprise: [ada, {lead_id: bea, entered_at: +1d, left_at: +2d}]
    ticks: [+10m, +3d10m]
    expect:
      mails:
        - {lead_id: ada, step: welcome, at: +10m, subject: Welcome}
        - {lead_id: ada, step: security, variant: long, contains: [Hi, Ada]}
      enrollments:
        - {lead_id: ada, arm: treatment}
      skips: []
      exits:
        - {lead_id: bea, reason: unsubscribed}
"""
"""Valid; line 2 is its first test's."""


def read(folder: ProjectFolder, text: str = TESTS) -> tuple[list[WrittenTest], list[Problem]]:
    folder.sequence()
    folder.write(FILE, text)
    segments = segment_names(folder.project)
    catalog = read_catalog(folder.project, segments=segments)
    assert catalog.problems == []
    return read_tests(folder.project, catalog, segments=segments)


def test_a_valid_file_has_no_problem(folder: ProjectFolder) -> None:
    [written], problems = read(folder)
    assert problems == []
    assert (written.sequence_id, written.file, written.line) == ("welcome", FILE, 2)
    start = datetime(2026, 3, 2, 9)
    assert written.ticks == (start, start + timedelta(minutes=10), start + timedelta(days=3, minutes=10))
    assert written.line_of("expect", "mails", 1) == 20


# (what is replaced, by what, the text that stands on the blamed line, words of the message)
MISTAKES = [
    ("tests:", "test:", "test:", ["missing key 'tests'"]),
    ("    given:", "    gven:", "gven:", ["unknown key 'gven' in tests[1]", "did you mean 'given'"]),
    ("    start: 2026", "    begin: 2026", "begin:", ["unknown key 'begin'"]),
    ("start: 2026-03-02T09:00:00Z", "start: monday", "start:", ["'monday' is no time"]),
    ("occurred_at: +10m", "occurred_at: 10m", "event: signup", ["'10m' is no time", "+1d2h"]),
    ("occurred_at: +10m", "occured_at: +10m", "event: signup", ["unknown key 'occured_at'", "'occurred_at'"]),
    ("{lead_id: ada, first_name: Ada", "{lead_id: ada, frist_name: Ada", "frist_name", ["did you mean 'first_name'"]),
    ("- {lead_id: ada, event", "- {lead_id: adda, event", "signup", ["no lead 'adda' is given; did you mean 'ada'"]),
    ("event: signup, occ", "event: lead_created, occ", "lead_created", ["created_at"]),
    ("step: welcome, type", "step: wellcome, type", "type: opened", ["unknown step 'wellcome'", "'welcome'"]),
    ("type: opened", "type: opend", "type: opend", ["unknown value 'opend'; did you mean 'opened'"]),
    ("{lead_id: bea, topic", "{topic", "topic: onboarding", ["one of email and lead_id"]),
    ("enterprise: [ada", "enterprize: [ada", "enterprize", ["unknown segment 'enterprize'", "'enterprise'"]),
    ("enterprise: [ada", "enterprise: [adda", "enterprise: [adda", ["no lead 'adda' is given"]),
    ("ticks: [+10m, +3d10m]", "ticks: [+3d]", "subject: Welcome", ["there is no tick at that time"]),
    ("ticks: [+10m, +3d10m]", "ticks: [-1d, +10m]", "ticks:", ["before the test's start"]),
    ("ticks: [+10m, +3d10m]", "ticks: {every: 5, until: +1d}", "ticks:", ["'5' is no span", "1h"]),
    ("ticks: [+10m, +3d10m]", "ticks: {every: 1s, until: +30d}", "ticks:", ["more than 5000"]),
    ("ticks: [+10m, +3d10m]", "ticks: {every: 1h, until: -1d}", "ticks:", ["until lies before"]),
    ("ticks: [+10m, +3d10m]", "ticks: {evry: 1h, until: +1d}", "ticks:", ["unknown key 'evry'", "'every'"]),
    ("ticks: [+10m, +3d10m]", "ticks: [+10m, +9999999d]", "greets", ["beyond all calendars"]),
    ("    ticks: [", "    alongside: [welcom]\n    ticks: [", "alongside", ["unknown sequence 'welcom'"]),
    ("step: welcome, at", "step: wellcome, at", "subject: Welcome", ["unknown step 'wellcome'"]),
    ("variant: long", "variant: lang", "variant: lang", ["step 'security' has no variant 'lang'", "'long'"]),
    ("      mails:", "      mail:", "mail:", ["unknown key 'mail' in tests[1].expect", "'mails'"]),
    ("arm: treatment", "arm: treated", "arm: treated", ["unknown value 'treated'; did you mean 'treatment'"]),
    ("reason: unsubscribed}\n", "reason: left}\n", "reason: left", ["unknown value 'left'"]),
    ("exits:\n        - {lead_id: bea", "exits:\n        - {lead_id: eva", "unsubscribed}", ["no lead 'eva'"]),
    (TESTS[TESTS.index("      mails:") :], "      {}\n", "expect:", ["expects nothing", "mails"]),
    (TESTS[len("tests:\n") :], TESTS[len("tests:\n") :] * 2, None, ["two tests are called 'greets'"]),
    ("    start:", "\tstart:", "\tstart:", ["not YAML", "spaces"]),
]


@pytest.mark.parametrize(("old", "new", "marker", "words"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_told_with_its_line(
    folder: ProjectFolder, old: str, new: str, marker: str | None, words: list[str]
) -> None:
    assert old in TESTS
    text = TESTS.replace(old, new, 1)
    tests, problems = read(folder, text)
    assert tests == [], "a file with a mistake gives no test"
    told = [problem for problem in problems if all(word in problem.message for word in words)]
    assert told, [str(problem) for problem in problems]
    assert told[0].file == FILE
    if marker is not None:
        assert told[0].line == text[: text.index(marker)].count("\n") + 1


def test_a_declared_field_is_no_typo(folder: ProjectFolder) -> None:
    folder.write("sequences/project.yml", "fields: {frist_name: text}\n")
    tests, problems = read(folder, TESTS.replace("first_name", "frist_name"))
    assert (len(tests), problems) == (1, [])


def test_without_ticks_there_is_one_at_each_time_and_a_minute_before_each_expected_one(folder: ProjectFolder) -> None:
    text = TESTS.replace("    ticks: [+10m, +3d10m]\n", "").replace("step: security, ", "step: security, at: +3d10m, ")
    [written], problems = read(folder, text)
    assert problems == []
    minutes = [int((tick - written.test.start).total_seconds() // 60) for tick in written.ticks]
    day = 24 * 60
    assert minutes == [0, 9, 10, 15 * 60, day, 3 * day + 9, 3 * day + 10]


def test_ticks_every_so_often_begin_at_the_start_and_may_end_on_time(folder: ProjectFolder) -> None:
    [written], _ = read(folder, TESTS.replace("[+10m, +3d10m]", "{every: 10m, until: +30m}"))
    assert [tick.minute for tick in written.ticks] == [0, 10, 20, 30]


def test_of_a_sequence_that_is_broken_the_tests_are_read_as_far_as_they_can_be(folder: ProjectFolder) -> None:
    folder.sequence("steps: [")
    folder.write(FILE, TESTS.replace("lead_id: ada, event", "lead_id: adda, event"))
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    _, problems = read_tests(folder.project, catalog, segments=segment_names(folder.project))
    assert [problem.line for problem in problems] == [9]


def test_validate_tells_mistakes_in_tests(folder: ProjectFolder, capsys: pytest.CaptureFixture[str]) -> None:
    read(folder, TESTS.replace("type: opened", "type: opend"))
    assert validate(folder.project, as_json=True) == 1
    told = [one for one in json.loads(capsys.readouterr().out)["problems"] if one["file"] == FILE]
    assert [(one["line"], one["severity"]) for one in told] == [(11, "error")]
    read(folder)
    validate(folder.project, as_json=True)
    assert FILE not in capsys.readouterr().out


def test_tests_are_no_part_of_a_version(folder: ProjectFolder) -> None:
    folder.sequence()
    before = read_catalog(folder.project, segments=segment_names(folder.project))
    read(folder)
    after = read_catalog(folder.project, segments=segment_names(folder.project))
    assert after.sources["welcome"].version_id == before.sources["welcome"].version_id
    read(folder, "tests: [")
    broken = read_catalog(folder.project, segments=segment_names(folder.project))
    assert broken.sources["welcome"].version_id == before.sources["welcome"].version_id
    assert broken.problems == []


def test_tests_without_a_sequence_are_none_and_no_misnamed_sequence(folder: ProjectFolder) -> None:
    folder.write(FILE, TESTS)
    catalog = read_catalog(folder.project, segments=[])
    [problem] = catalog.problems
    assert "holds no sequence.yml" in problem.message
    assert read_tests(folder.project, catalog, segments=[]) == ([], [])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["+1d", "ada", "welcome"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("name", "start", "given", "ticks", "expect", "alongside", "active_from", "description")


@given(st.sampled_from(KEYS), VALUES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_there_is_read_or_told_of(folder: ProjectFolder, key: str, value: object) -> None:
    base = {
        "name": "greets",
        "start": "2026-03-02",
        "given": {"leads": [{"lead_id": "ada"}]},
        "expect": {"mails": []},
    }
    tests, problems = read(folder, json.dumps({"tests": [{**base, key: value}]}))
    assert bool(tests) != bool(problems)
    assert all(problem.line for problem in problems)
