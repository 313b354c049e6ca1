"""The scenarios' files and the project's own examples validate, and `drips validate` says so."""

from __future__ import annotations

import json

import pytest
from conftest import REPOSITORY, SCENARIOS

from dagster_drips.cli.validate import validate
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog, segment_names

from .conftest import SEQUENCE, ProjectFolder


@pytest.mark.parametrize("scenario", ["autumn", "spring"])
def test_every_file_of_the_scenarios_validates(scenario: str) -> None:
    project = Project.at(SCENARIOS / scenario)
    catalog = read_catalog(project, segments=segment_names(project))
    assert catalog.errors == []
    assert len(catalog.sources) == 14


def test_the_examples_of_this_project_have_no_problem() -> None:
    project = Project.at(REPOSITORY)
    catalog = read_catalog(project, segments=segment_names(project))
    assert catalog.problems == []
    assert catalog.sources


def test_validate_prints_each_problem_and_a_count(folder: ProjectFolder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.sequence(SEQUENCE.replace("holdout", "holdot").replace("[cancelled]", "[cancelled, lead_created]"))
    folder.sequence(SEQUENCE.replace("[cancelled]", "[signup]"), "second")
    assert validate(folder.project, as_json=False) == 1
    printed = capsys.readouterr()
    assert [line.partition(": ")[0] for line in printed.err.splitlines()] == [
        "sequences/welcome/sequence.yml:9",
        "sequences/welcome/sequence.yml:14",
    ]
    assert printed.out.splitlines()[0].startswith("sequences/second/sequence.yml:14: ")
    assert printed.out.splitlines()[-1] == "2 sequences, 2 errors, 2 warnings"


def test_validate_exits_0_on_warnings_alone(folder: ProjectFolder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.sequence(SEQUENCE.replace("[cancelled]", "[signup]"))
    assert validate(folder.project, as_json=False) == 0
    assert capsys.readouterr().err == ""


def test_validate_writes_json_for_scripts(folder: ProjectFolder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.sequence(SEQUENCE.replace("holdout", "holdot"))
    assert validate(folder.project, as_json=True) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["sequences"] == 1
    assert printed["problems"][0] == {
        "file": "sequences/welcome/sequence.yml",
        "line": 9,
        "message": "unknown key 'holdot'; did you mean 'holdout'?",
        "severity": "error",
    }


def test_a_sequence_without_a_name_is_called_by_its_folder(folder: ProjectFolder) -> None:
    folder.sequence(SEQUENCE.replace("name: Welcome\n", ""))
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert catalog.errors == []
    assert catalog.sources["welcome"].sequence.name == "welcome"
