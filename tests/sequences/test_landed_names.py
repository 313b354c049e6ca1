"""Events and topics that never landed are told, with what was probably meant."""

from __future__ import annotations

from datetime import datetime

from dagster_drips.cli.validate import validate
from dagster_drips.landing.load import load_landing
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.landed_names import LandedNames, unknown_names
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.warehouse import open_warehouse

from .conftest import SEQUENCE, ProjectFolder

FILE = "sequences/welcome/sequence.yml"


def told(folder: ProjectFolder, events: list[str], topics: list[str] = []) -> list[tuple[str, int | None, str]]:  # noqa: B006
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    problems = unknown_names(folder.project, catalog, LandedNames(frozenset(events), frozenset(topics)))
    assert all(problem.severity == "warning" for problem in problems)
    return [(problem.file, problem.line, problem.message) for problem in problems]


def test_each_event_that_never_landed_is_named_with_its_line(folder: ProjectFolder):
    folder.sequence()
    assert told(folder, ["sign_up", "purchase", "cancelled"]) == [
        (FILE, 5, "no event 'signup' has ever landed; did you mean 'sign_up'?")
    ]
    assert [line for _, line, _ in told(folder, ["signup"])] == [11, 14]


def test_conditions_are_looked_at_and_lead_created_is_built_in(folder: ProjectFolder):
    folder.sequence(SEQUENCE.replace("event: signup", "event: lead_created").replace("opened: welcome", "event: vsit"))
    found = told(folder, ["purchase", "cancelled", "visit"])
    assert found == [(FILE, 30, "no event 'vsit' has ever landed; did you mean 'visit'?")]


def test_nothing_is_said_of_events_where_none_ever_landed(folder: ProjectFolder):
    folder.sequence()
    assert told(folder, []) == []


def test_a_topic_that_people_left_and_no_sequence_has_is_told(folder: ProjectFolder):
    folder.sequence()
    found = told(folder, [], ["onboarding", "onbording"])
    words = "people unsubscribed from the topic 'onbording', which no sequence has; did you mean 'onboarding'?"
    assert found == [("sequences", None, words)]


def test_validate_asks_the_warehouse_where_there_is_one(folder: ProjectFolder, capsys):
    folder.sequence()
    assert validate(folder.project, as_json=False) == 0
    assert "has ever landed" not in capsys.readouterr().out
    folder.write("data/landing/events/e.csv", "event_id,lead_id,event,occurred_at\n1,1,sign_up,2026-01-01\n")
    with open_warehouse(folder.project.warehouse) as warehouse:
        load_landing(folder.project, warehouse, kinds=["events"], loaded_at=datetime(2026, 1, 2))
    assert validate(folder.project, as_json=False) == 0
    assert f"{FILE}:5: no event 'signup' has ever landed; did you mean 'sign_up'? (warning)" in capsys.readouterr().out
