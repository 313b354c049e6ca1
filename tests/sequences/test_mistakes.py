"""Every kind of mistake in a sequence file is told with its line and how to mend it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.segment_files import segment_names

from .conftest import SEQUENCE, ProjectFolder

FILE = "sequences/welcome/sequence.yml"


def problems_of(folder: ProjectFolder) -> list[Problem]:
    return read_catalog(folder.project, segments=segment_names(folder.project)).problems


def line_of(text: str, marker: str) -> int:
    assert marker in text
    return text[: text.index(marker)].count("\n") + 1


def test_a_valid_file_has_no_problem(folder: ProjectFolder) -> None:
    folder.sequence()
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert catalog.problems == []
    assert list(catalog.sources) == ["welcome"]


# (what is replaced, by what, the text that stands on the blamed line, words of the message)
MISTAKES = [
    ("holdout: 0.1", "holdot: 0.1", "holdot", ["unknown key 'holdot'", "did you mean 'holdout'"]),
    ("reentry: never", "lookback: {days: 1}", "lookback", ["unknown key 'lookback'", "belongs in trigger"]),
    ("within: {days: 14}", "within: {day: 14}", "within: {day", ["unknown key 'day'", "'days'"]),
    ("    delay: {days: 3}", "    dealy: {days: 3}", "dealy", ["unknown key 'dealy' in steps[2]", "'delay'"]),
    ("    delay: {days: 3}", "    delay: 3", "delay: 3", ["steps[2].delay must be a mapping", "days", "the number 3"]),
    ("    delay: {days: 3}", "    delay: {days: '3'}", "delay:", ["must be a number, not text"]),
    ("    delay: {days: 3}", "    delay: {days: -3}", "delay:", ["at least 0"]),
    ("    delay: {days: 3}", "    delay: {minutes: 0.001}", "delay:", ["whole number of seconds"]),
    ("    delay: {days: 3}", "    delay: {days: 1e300}", "delay:", ["longer than 36525 days"]),
    ("    delay: {days: 3}", "    after: signup", "after:", ["unknown value 'signup'", "trigger"]),
    ("name: Welcome", "name: true", "name: true", ["name must be text", "quotes"]),
    ("status: active", "status: activ", "status:", ["unknown value 'activ'", "did you mean 'active'"]),
    ("holdout: 0.1", "holdout: 1.5", "holdout:", ["at most 1"]),
    ("holdout: 0.1", "rollout: 1.5", "rollout:", ["at most 1"]),
    ("holdout: 0.1", "rollout: -0.1", "rollout:", ["at least 0"]),
    ("holdout: 0.1", "holdout: true", "holdout:", ["must be a number", "truth value"]),
    ("priority: 50", "priority: 101", "priority:", ["at most 100"]),
    ("priority: 50", "priority: 5.5", "priority:", ["whole number"]),
    ("priority: 50", "transactional: maybe", "transactional:", ["true or false"]),
    ("priority: 50", "active_from: yesterday", "active_from:", ["'yesterday' is no time", "2026-01-01T00:00:00Z"]),
    ("priority: 50", "active_from: 2026-02-30", "active_from:", ["'2026-02-30' is no time"]),
    ("reentry: never", "reentry: always", "reentry:", ["unknown value 'always'", "never"]),
    ("reentry: never", "reentry: {hour: 2}", "reentry:", ["unknown key 'hour'", "'hours'"]),
    (
        "  timezone: lead",
        "  timezone: Europe/Berln",
        "timezone:",
        ["unknown time zone", "did you mean 'Europe/Berlin'"],
    ),
    # Names that only operating systems have: dbt knows the pinned list alone, and would never send.
    ("  timezone: lead", "  timezone: localtime", "timezone:", ["unknown time zone 'localtime'"]),
    ("  timezone: lead", "  timezone: posixrules", "timezone:", ["unknown time zone 'posixrules'"]),
    ("  timezone: lead", "  timezone: berlin", "timezone:", ["unknown time zone", "did you mean 'Europe/Berlin'"]),
    ("  end: 17:00", "  end: 25:00", "end:", ["no time of day", '"09:00"']),
    ("  end: 17:00", "  end: 540", "end:", ["no time of day"]),
    ('  start: "09:00"', '  start: "24:00"', "start:", ["24:00"]),
    ("  days: [mon, tue]", "  days: [monday]", "days: [mon", ["unknown day 'monday'", "did you mean 'mon'"]),
    ("  days: [mon, tue]", "  days: []", "days: []", ["must not be empty"]),
    ("email: ada@acme.example", "email: ada", "sender:", ["'ada' is no mail address"]),
    ("sender: {name: Ada, email: ada@acme.example}", "sender: ada", "sender:", ["identities", "{name: ada, email: …}"]),
    ("sender: {name: Ada, email: ada@acme.example}\n", "", "name: Welcome", ["no sender", "sequences/project.yml"]),
    ("sender: {name: Ada, ", "sender: {name: Ada, max_per_tick: 0, ", "sender:", ["at least 1"]),
    ("sender: {name: Ada, email: ada@acme.example}", "sender: [ada]", "sender:", ["must be a mapping", "name, email"]),
    ("  include: [enterprise]", "  include: enterprise", "include:", ["must be a list, such as [enterprise]"]),
    (
        "  include: [enterprise]",
        "  include: [enterprize]",
        "include:",
        ["unknown segment", "did you mean 'enterprise'"],
    ),
    ("  include: [enterprise]", "  exclude: [custmers]", "exclude:", ["unknown segment", "'customers'"]),
    ("  event: signup", "  segment_entered: enterprises", "segment_entered", ["unknown segment", "'enterprise'"]),
    ("      opened: welcome", "      segment: [enterprise, nobody]", "segment: [", ["unknown segment 'nobody'"]),
    ("  event: signup", "  lookback: {days: 1}", "trigger:", ["names nothing", "segment_entered"]),
    ("  event: signup", "  event: signup\n  segment_entered: enterprise", "segment_entered", ["not both"]),
    ("  event: signup", "  event: lead_created\n  where: {plan: pro}", "where", ["lead_created has none"]),
    ("  event: signup", "  segment_entered: enterprise\n  where: {plan: pro}", "where", ["segment_entered has none"]),
    ("  event: signup", "  event: signup\n  where: {plan: null}", "where", ["equal nothing"]),
    ("  event: signup", "  event: signup\n  where: {plan: [a]}", "where", ["equal nothing"]),
    ("  event: signup", "  event: signup\n  where: {plan: yes}", "where", ["without quotes", '"yes"']),
    ("  event: purchase", "  event: lead_created", "event: lead_created", ["can be a trigger only"]),
    ("  events: [cancelled]", "  events: [lead_created]", "events:", ["can be a trigger only"]),
    ("      opened: welcome", "      event: lead_created", "event: lead_created", ["can be a trigger only"]),
    ("      opened: welcome", "      opened: welcom", "opened:", ["unknown step 'welcom'", "did you mean 'welcome'"]),
    ("      opened: welcome", "      clicked: security", "clicked:", ["doesn't stand before this one"]),
    ("  - id: security", "  - id: welcome", "id: welcome\n    delay", ["duplicate step id 'welcome'", "line 23"]),
    ("  - id: security", "  - id: Security!", "id: Security", ["a-z, 0-9, _ and -"]),
    ("      - id: long", "      - id: short", "id: short\n        weight: 2", ["duplicate variant id 'short'"]),
    ("        weight: 2", "        weight: -1", "weight: -1", ["at least 0"]),
    ("        subject: Two pages\n", "", "- id: long", ["missing key 'subject'"]),
    ("    variants:", "    subject: All\n    variants:", "subject: All", ["belongs in each of them"]),
    (
        "    variants:",
        "    template: welcome.html\n    variants:",
        "template: welcome.html\n    var",
        ["belongs in each"],
    ),
    (
        "    preview_text: Five minutes\n    template: welcome.html\n",
        "",
        "- id: welcome",
        ["neither template nor variants"],
    ),
    (
        "    preview_text: Five minutes",
        '    preview_text: "{% if %}"',
        "preview_text",
        ["broken Jinja in preview_text"],
    ),
    ("        subject: One page", '        subject: "One\\npage"', 'subject: "One', ["one line"]),
    ("        subject: One page", '        subject: " "', 'subject: " "', ["must not be blank"]),
    ("        subject: One page", '        subject: "{{ led.company }}"', "{{ led", ["variable 'led'", "'lead'"]),
    ("template: short.html", "template: shrt.html", "shrt", ["no template 'shrt.html'", "did you mean 'short.html'"]),
    ("template: short.html", "template: ../other/x.html", "../other", ["outside of the sequence's folder"]),
    ("template: short.html", "template: /etc/passwd.html", "/etc", ["outside of the sequence's folder"]),
    ("template: short.html", "template: ./short.html", "./short", ["written plainly", "'short.html'"]),
    ("template: short.html", "template: short.txt", "short.txt", ["must be HTML"]),
    ("priority: 50", "priority: 50\npriority: 60", "priority: 60", ["duplicate key 'priority'", "line 20"]),
    ("segments:", "segments: [", "reentry", ["not YAML"]),
    ("  event: signup", "\tevent: signup", "\tevent", ["not YAML", "spaces, not tabs"]),
    ("topic: onboarding", "topic: [a]", "topic:", ["must be text, not a list"]),
    ("topic: onboarding", "topic: !secret x", "topic:", ["tag !secret"]),
    ("topic: onboarding", "topic: &x [*x]", "topic:", ["contains itself"]),
]


@pytest.mark.parametrize(("old", "new", "marker", "words"), MISTAKES, ids=[mistake[1][:40] for mistake in MISTAKES])
def test_a_mistake_is_told_with_its_line(
    folder: ProjectFolder, old: str, new: str, marker: str, words: list[str]
) -> None:
    assert old in SEQUENCE
    text = SEQUENCE.replace(old, new, 1)
    folder.sequence(text)
    problems = [problem for problem in problems_of(folder) if problem.severity == "error"]
    matching = [problem for problem in problems if all(word in problem.message for word in words)]
    assert matching, "\n".join(map(str, problems))
    assert (matching[0].file, matching[0].line) == (FILE, line_of(text, marker))
    assert str(matching[0]) == f"{FILE}:{matching[0].line}: {matching[0].message}"


def test_variants_that_all_weigh_nothing_are_a_mistake(folder: ProjectFolder) -> None:
    folder.sequence(SEQUENCE.replace("weight: 1", "weight: 0").replace("weight: 2", "weight: 0"))
    assert [problem.line for problem in problems_of(folder)] == [line_of(SEQUENCE, "variants:")]


def test_all_mistakes_of_all_files_are_told_in_one_go(folder: ProjectFolder) -> None:
    one = SEQUENCE.replace("holdout", "holdot").replace("short.html", "gone.html").replace("[enterprise]", "[nobody]")
    folder.sequence(one)
    folder.sequence(SEQUENCE.replace("timezone: lead", "timezone: Nowhere"), "second")
    folder.write("sequences/project.yml", "timezone: Mars/Base\nmax_per_tik: 3\n")
    found = [(problem.file, problem.line) for problem in problems_of(folder)]
    assert found == [
        ("sequences/project.yml", 1),
        ("sequences/project.yml", 2),
        ("sequences/second/sequence.yml", 19),
        (FILE, line_of(one, "[nobody]")),
        (FILE, line_of(one, "holdot")),
        (FILE, line_of(one, "gone.html")),
    ]


def test_a_broken_sequence_does_not_take_the_others_along(folder: ProjectFolder) -> None:
    folder.sequence("steps: [\n")
    folder.sequence(sequence_id="second")
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert (set(catalog.sources), catalog.invalid) == ({"second"}, {"welcome"})


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "missing key"),
        (b"- a\n", 1, "must be a mapping"),
        (b"name: a\nx: \xff\n", 2, "UTF-8"),
        (b"name: a\nx: \x01\n", 2, "not YAML"),
        (b"a: 1\n---\nb: 2\n", 2, "not YAML"),
        (b"[" * 5000, 1, "not"),
    ],
    ids=["empty", "a list", "not UTF-8", "control character", "two documents", "deep"],
)
def test_a_file_that_is_no_mapping_is_one_problem(folder: ProjectFolder, content: bytes, line: int, words: str) -> None:
    folder.sequence()
    folder.write(FILE, content)
    problem = problems_of(folder)[0]
    assert words in problem.message
    assert problem.line is not None
    assert problem.line <= line


_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["{{ a", "lead_created"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "event", "where", "days", "variants", "template", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(sorted(yaml.safe_load(SEQUENCE))), value=_VALUES)
def test_whatever_stands_in_a_file_becomes_a_sequence_or_problems(
    folder: ProjectFolder, key: str, value: object
) -> None:
    folder.sequence(yaml.safe_dump({**yaml.safe_load(SEQUENCE), key: value}, allow_unicode=True))
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert bool(catalog.errors) == (catalog.invalid == {"welcome"}) == (not catalog.sources)


def test_a_folder_name_that_is_no_id_is_an_error(folder: ProjectFolder) -> None:
    folder.sequence(sequence_id="Bad Name")
    assert "a-z, 0-9" in problems_of(folder)[0].message


def test_no_sequence_is_called_project_as_the_projects_holdout_is_drawn_by_that_name(folder: ProjectFolder) -> None:
    folder.sequence(sequence_id="project")
    folder.sequence(sequence_id="projects")
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    (problem,) = catalog.problems
    assert (problem.file, problem.line, problem.severity) == ("sequences/project/sequence.yml", 1, "error")
    assert "can't be called 'project'" in problem.message
    assert (set(catalog.sources), catalog.invalid) == ({"projects"}, {"project"})


def test_files_that_nobody_reads_are_pointed_out(folder: ProjectFolder) -> None:
    folder.sequence()
    folder.write("sequences/empty/readme.md", "")
    folder.write("sequences/misnamed/sequence.yaml", SEQUENCE)
    folder.write("sequences/loose.yml", "")
    folder.write("sequences/senders.yml", "")
    folder.write("sequences/_layouts/base.html", "")
    folder.write("sequences/.hidden/x", "")
    problems = problems_of(folder)
    assert {problem.severity for problem in problems} == {"warning"}
    assert [problem.file for problem in problems] == [
        "sequences/empty",
        "sequences/loose.yml",
        "sequences/misnamed/sequence.yaml",
    ]


@pytest.mark.parametrize(
    ("old", "new", "marker", "words"),
    [
        ("  end: 17:00", "  end: 09:03", "send_window", "3 minutes"),
        ("    delay: {days: 3}", "    expires_after: {minutes: 5}", "expires_after", "not longer than the 5 minutes"),
        ("  events: [cancelled]", "  events: [signup]", "events: [signup]", "both trigger and exit"),
        ("    preview_text: Five minutes", "    only_if: {event: login}", "only_if: {", "first step without delay"),
        ("  event: signup", "  event: signup\n  include_existing: true", "include_existing", "no effect"),
        ("  event: signup", "  segment_entered: enterprise\n  lookback: {days: 1}", "lookback", "no effect"),
        ("        subject: One page", '        subject: "{{ lead.company }}"', "{{ lead.company", "may be blank"),
        ("        subject: One page", "        subject: \"{{ lead.compny | default('') }}\"", "compny", "lead.company"),
    ],
)
def test_what_is_settled_yet_surprising_is_a_warning(
    folder: ProjectFolder, old: str, new: str, marker: str, words: str
) -> None:
    assert old in SEQUENCE
    text = SEQUENCE.replace(old, new, 1)
    folder.sequence(text)
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert [(problem.severity, problem.line) for problem in catalog.problems] == [("warning", line_of(text, marker))]
    assert words in catalog.problems[0].message
    assert "welcome" in catalog.sources


def test_a_segment_may_hold_as_the_lead_enters_and_is_no_surprise(folder: ProjectFolder) -> None:
    text = SEQUENCE.replace("    preview_text: Five minutes", "    only_if: {segment: enterprise}", 1)
    assert text != SEQUENCE
    folder.sequence(text)
    assert problems_of(folder) == []


SETTINGS_MISTAKES = [
    ("timezone: lead", 1, "unknown time zone 'lead'"),
    ("frequency_cap: {messages: 0, per: {days: 1}}", 1, "at least 1"),
    ("frequency_cap:\n  messages: 3", 1, "missing key 'per' in frequency_cap"),
    ("max_per_tick: many", 1, "whole number"),
    ("holdout: 1.5", 1, "at most 1"),
    ("fields:\n  plan: strin", 2, "unknown value 'strin'; known: boolean, date"),
    ("soft_bounces: {count: 3}", 1, "missing key 'over'"),
    (
        "attribution:\n  click_window: {days: 5}\n  open_window: 5d",
        3,
        "open_window must be a mapping with some of the keys",
    ),
    (
        "attribution:\n  click_windows: {days: 5}",
        2,
        "unknown key 'click_windows' in attribution; did you mean 'click_window'",
    ),
    ("attribution:\n  open_window: {days: -1}", 2, "must be at least 0"),
    ("attribution:\n  half_life: {days: 0}", 2, "attribution.half_life: must be longer than nothing"),
    ("attribution: 5", 1, "click_window, open_window, half_life"),
    ("sender: {email: a@b@c}", 1, "no mail address"),
    ("plan: {max_chnge: 0.2}", 1, "did you mean 'max_change'"),
    ("plan: {max_new_enrollments: -1}", 1, "at least 0"),
]


@pytest.mark.parametrize(("text", "line", "words"), SETTINGS_MISTAKES)
def test_a_mistake_in_project_yml_is_told_alone(folder: ProjectFolder, text: str, line: int, words: str) -> None:
    folder.sequence()
    folder.write("sequences/project.yml", text)
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert [(problem.file, problem.line) for problem in catalog.problems] == [("sequences/project.yml", line)]
    assert words in catalog.problems[0].message
    assert not catalog.settings_valid


@pytest.mark.parametrize("wrong", ["_drips_plan: text", "seats: intger", "seats: {type: integer}"])
def test_a_field_that_is_wrong_takes_no_other_field_with_it(folder: ProjectFolder, wrong: str) -> None:
    folder.sequence()
    folder.write("sequences/project.yml", f"fields:\n  plan: text\n  {wrong}\n  since: date\ntimezone: Europe/Berlin\n")
    folder.write(
        "sequences/welcome/welcome.html", "<p>{{ lead.plan | default('-') }} {{ lead.since | default('-') }}</p>"
    )
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert [(problem.file, problem.line) for problem in catalog.problems] == [("sequences/project.yml", 3)]
    assert catalog.settings.fields == {"plan": "text", "since": "date"}
    assert catalog.settings.timezone == "Europe/Berlin"


def test_a_broken_project_yml_is_not_blamed_on_sequences_without_a_sender(folder: ProjectFolder) -> None:
    folder.sequence(SEQUENCE.replace("sender: {name: Ada, email: ada@acme.example}\n", ""))
    folder.write("sequences/project.yml", "sender: {email: ada}\n")
    assert [problem.file for problem in problems_of(folder)] == ["sequences/project.yml"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            "{{ lead.first_name }}",
            "a value that begins with {{ goes in quotes",
        ),
        ("{{ lead.first_name }}, hello", "text that has '{{' in it goes in quotes"),
        ("{% if view_url %}Hi{% endif %}", "text that has '{%' in it goes in quotes"),
        ("Hello: world", "text that has ':' in it goes in quotes"),
        ("*|FNAME|*", "text that has '*|' in it goes in quotes"),
        ("@you", "text that has '@' in it goes in quotes"),
        ("[New] Prices", "text that has '[' in it goes in quotes"),
    ],
)
def test_text_that_yaml_takes_for_its_own_signs_is_to_be_quoted(folder, value, words):
    folder.sequence(SEQUENCE.replace("Five minutes", value))
    error = problems_of(folder)[0]
    assert (error.file, error.line) == (FILE, 25)
    assert words in error.message
