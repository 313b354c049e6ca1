"""Editors are told by JSON Schemas what `drips validate` takes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from conftest import REPOSITORY

from dagster_drips.project import Project
from dagster_drips.scaffold.json_schemas import FOLDER, header, json_schemas, write_json_schemas
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.yaml_source import YamlDocument, read_yaml

SEQUENCES = REPOSITORY / "sequences"
SCHEMAS = {name: json.loads(text) for name, text in json_schemas().items()}
FILES = [
    *sorted(REPOSITORY.glob("sequences/*.yml")),
    *sorted(REPOSITORY.glob("**/sequences/*/sequence.yml")),
    *sorted(REPOSITORY.glob("sequences/*/tests.yml")),
]


def problems(kind: str, text: str) -> list[str]:
    # YAML 1.2, as editors read it: times and words as they stand.
    document = read_yaml(text.encode())
    assert isinstance(document, YamlDocument)
    data = json.loads(json.dumps(document.data))
    return [error.message for error in jsonschema.Draft7Validator(SCHEMAS[kind]).iter_errors(data)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_in_the_repository_are_current(name: str) -> None:
    assert json.loads((SEQUENCES / FOLDER / f"{name}.json").read_text()) == SCHEMAS[name]
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name])


def test_every_file_names_its_schema() -> None:
    for file in SEQUENCES.glob("*.yml"):
        assert file.read_text().startswith(header(file.stem, 0)), file
    for file in SEQUENCES.glob("*/sequence.yml"):
        assert file.read_text().startswith(header("sequence", 1)), file
    for file in SEQUENCES.glob("*/tests.yml"):
        assert file.read_text().startswith(header("tests", 1)), file


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_is_valid_is_valid_to_an_editor(file: Path) -> None:
    kind = file.stem if file.stem in SCHEMAS else "sequence"
    assert problems(kind, file.read_text()) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("sequence", "name: A\n"),
        ("sequence", "trigger: {event: x}\nsteps: [{id: a, subject: s, template: t}]\ncolour: red\n"),
        ("sequence", "trigger: {event: x}\nsteps: [{id: A B, subject: s, template: t}]\n"),
        ("sequence", "trigger: {event: x}\nholdout: 2\nsteps: [{id: a, subject: s, template: t}]\n"),
        ("sequence", "trigger: {event: x}\nstatus: live\nsteps: [{id: a, subject: s, template: t}]\n"),
        ("sequence", "trigger: {event: x}\nsend_window: {days: [monday]}\nsteps: [{id: a}]\n"),
        ("sequence", "trigger: {event: x}\nsend_window: {start: noon}\nsteps: [{id: a}]\n"),
        ("project", "frequency_cap: {messages: 0, per: {days: 7}}\n"),
        ("project", "frequency_cap: {messages: 4}\n"),
        ("senders", "senders: {acme: {name: A}}\n"),
        ("hooks", "hooks: {shop: {open: true, events: []}}\n"),
        ("tests", "tests: [{name: a, start: 2026-03-02, given: {leads: [{lead_id: a}]}}]\n"),
        ("tests", "tests: [{name: a, start: 2026-03-02, given: {leads: []}, expect: {mail: []}}]\n"),
    ],
)
def test_what_is_wrong_is_told_by_an_editor(kind: str, text: str) -> None:
    assert problems(kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "sequence",
            "trigger:\n  event: x\n  lookback:\nholdout:\nsteps: [{id: 1, subject: 5, only_if: {event: a}}]\n",
        ),
        ("sequence", "trigger: {event: x, where: {a: true, b: 5, c: x}}\nsteps: [{id: a, only_if: {event: [a, b]}}]\n"),
        ("sequence", "active_from: '2026-01-01'\nreentry: {days: 7}\ntrigger: {event: x}\nsteps: [{id: a}]\n"),
        (
            "sequence",
            "trigger: {event: x}\nsender: {email: a@b.c}\nsend_window: {start: '9:00', end: '24:00'}\nsteps: [{id: a}]",
        ),
        ("hooks", "hooks: {shop: {open: true, events: [{event: paid, lead_id: customer.id, occurred_at: $.at}]}}\n"),
        (
            "tests",
            "tests: [{name: a, start: 2026-03-02, given: {leads: [{lead_id: 1, shoe: 9}], segments: {s: 1}},"
            " ticks: [+1d], expect: {mails: [{lead_id: 1, step: a, contains: Hi}]}}]\n",
        ),
        ("hooks", "hooks: {shop: {open: true, events: [{event: {path: kind}, lead_id: [a, b.c], when: {x: 5}}]}}\n"),
    ],
)
def test_every_way_to_write_it_is_known_to_an_editor(kind: str, text: str) -> None:
    assert problems(kind, text) == []


def test_they_are_written_once(tmp_path: Path) -> None:
    write_json_schemas(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / FOLDER).iterdir()}
    write_json_schemas(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / FOLDER).iterdir()} == before
    assert {path.stem for path in before} == set(SCHEMAS)


def test_the_folder_of_schemas_is_no_sequence() -> None:
    catalog = read_catalog(Project.at(REPOSITORY), segments=[])
    assert FOLDER not in {*catalog.written, *catalog.invalid}
