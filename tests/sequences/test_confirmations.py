"""A sequence that asks for confirmations: what it may be and say, and what a project with page_leads: confirm needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.segment_files import segment_names

from .conftest import ProjectFolder

FILE = "sequences/asks/sequence.yml"
ASKS = """
name: Please confirm
status: active
sender: {name: Ada, email: ada@acme.example}
trigger: {event: lead_created}
confirmation: true
transactional: true
topic: confirmation
steps:
  - {id: ask, subject: "Is this your address?", template: ask.html}
"""
ASK = '<html><body><p>{{ lead.email }}: <a href="{{ confirm_url }}">Yes</a></p></body></html>'


@pytest.fixture
def asking(folder: ProjectFolder) -> ProjectFolder:
    folder.write("sequences/project.yml", "page_leads: confirm\n")
    folder.write(FILE, ASKS)
    folder.write("sequences/asks/ask.html", ASK)
    return folder


def problems_of(folder: ProjectFolder) -> list[Problem]:
    return read_catalog(folder.project, segments=segment_names(folder.project)).problems


def test_a_confirmation_is_a_sequence_of_its_own(asking: ProjectFolder) -> None:
    catalog = read_catalog(asking.project, segments=[])
    assert catalog.problems == []
    assert catalog.sources["asks"].sequence.confirmation is True


# (what is replaced, by what, words of the error)
MISTAKES = [
    ("transactional: true\n", "", "a confirmation is transactional"),
    ("event: lead_created", "event: signup", "asked for once a lead"),
    (
        "steps:\n",
        "steps:\n  - {id: first, subject: One, template: ask.html}\n",
        "a confirmation is one message",
    ),
    ('"Is this your address?"', '"Hello {{ lead.first_name }}"', "'lead.first_name' may not stand in a confirmation"),
    ('"Is this your address?"', '"Hello {{ lead }}"', "'lead' may not stand in a confirmation"),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_a_confirmation_asks_once_and_shows_nothing_that_a_page_said(
    asking: ProjectFolder, old: str, new: str, message: str
) -> None:
    assert old in ASKS
    asking.write(FILE, ASKS.replace(old, new))
    found = [problem for problem in problems_of(asking) if message in problem.message]
    assert [(problem.file, problem.severity) for problem in found] == [(FILE, "error")]


@pytest.mark.parametrize("flag", ["yes", "on", "true"])
def test_yamls_words_for_true_are_checked_too(asking: ProjectFolder, flag: str) -> None:
    text = ASKS.replace("confirmation: true", f"confirmation: {flag}").replace("transactional: true\n", "")
    asking.write(FILE, text)
    assert [problem for problem in problems_of(asking) if "a confirmation is transactional" in problem.message]


@pytest.mark.parametrize("name", ["ask.html", "ask.txt"])
def test_every_mail_of_it_has_the_link(asking: ProjectFolder, name: str) -> None:
    asking.write(f"sequences/asks/{name}", "<html><body><p>Please answer</p></body></html>")
    [problem] = [problem for problem in problems_of(asking) if problem.file == FILE]
    assert f"template '{name}' of a confirmation has no link to confirm" in problem.message
    assert problem.severity == "error"


def test_the_link_may_stand_in_a_layout(asking: ProjectFolder) -> None:
    asking.write("sequences/_layouts/base.html", ASK)
    asking.write("sequences/asks/ask.html", '{% extends "_layouts/base.html" %}')
    assert problems_of(asking) == []


def test_no_other_sequence_has_the_link(asking: ProjectFolder) -> None:
    asking.sequence()
    asking.write("sequences/welcome/welcome.html", ASK)
    [problem] = [problem for problem in problems_of(asking) if problem.severity == "error"]
    assert "confirm_url is for a sequence with confirmation: true alone" in problem.message


def test_a_project_has_one_that_is_active(asking: ProjectFolder) -> None:
    asking.write("sequences/asks_again/sequence.yml", ASKS)
    asking.write("sequences/asks_again/ask.html", ASK)
    catalog = read_catalog(asking.project, segments=[])
    [problem] = catalog.problems
    assert (
        problem.file == "sequences/asks_again/sequence.yml"
        and "'asks' asks for confirmations already" in problem.message
    )
    assert (list(catalog.sources), catalog.invalid) == (["asks"], {"asks_again"})
    asking.write("sequences/asks_again/sequence.yml", ASKS.replace("status: active", "status: paused"))
    assert problems_of(asking) == []


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
def test_page_leads_confirm_needs_one(asking: ProjectFolder, status: str) -> None:
    asking.write(FILE, ASKS.replace("status: active", f"status: {status}"))
    [problem] = problems_of(asking)
    assert (problem.file, problem.severity) == ("sequences/project.yml", "error")
    assert "needs an active sequence with confirmation: true" in problem.message


def test_one_that_asks_nobody_is_told(asking: ProjectFolder) -> None:
    asking.write("sequences/project.yml", "page_leads: mail\n")
    [problem] = problems_of(asking)
    assert (problem.file, problem.severity) == (FILE, "warning")
    assert "asks nobody" in problem.message


def test_the_example_of_the_documentation_is_valid(folder: ProjectFolder) -> None:
    text = Path(__file__).parents[2].joinpath("docs", "events.md").read_text(encoding="utf-8")
    settings, sequence = text.partition("## Keys of pages\n")[2].split("```yaml\n")[1:3]
    folder.write("sequences/project.yml", settings.partition("```")[0] + "sender: {email: ada@acme.example}\n")
    folder.write("sequences/please_confirm/sequence.yml", sequence.partition("```")[0])
    folder.write("sequences/please_confirm/ask.html", sequence.partition("```html\n")[2].partition("```")[0])
    assert problems_of(folder) == []


def test_page_leads_and_page_events_have_few_words(folder: ProjectFolder) -> None:
    folder.write("sequences/project.yml", "page_leads: always\npage_events: none\n")
    messages = [problem.message for problem in problems_of(folder)]
    assert len(messages) == 2
    assert "unknown value 'always'" in messages[0] and "unknown value 'none'" in messages[1]
