"""New files are valid as they stand, and nothing that is there is written over."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import REPOSITORY, copy_project
from typer.testing import CliRunner, Result

from dagster_drips.cli import new, test  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.scaffold.new_files import new_content, new_segment, new_sequence
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.content_files import content_files, content_problems
from dagster_drips.sequences.segment_check import segment_problems
from dagster_drips.sequences.segment_files import segment_names


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "dbt_project" / "models" / "segments").mkdir(parents=True)
    (tmp_path / "sequences").mkdir()
    for name in ("project.yml", "senders.yml"):
        shutil.copyfile(REPOSITORY / "sequences" / name, tmp_path / "sequences" / name)
    return Project.at(tmp_path)


def asked(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["new", *arguments, "--project", str(project.root)])


def test_a_new_sequence_and_a_new_segment_are_valid_as_they_stand(project: Project) -> None:
    result = asked(project, "sequence", "trial_ending")
    assert result.exit_code == 0, result.output
    assert "sequences/trial_ending/sequence.yml" in result.output
    result = asked(project, "segment", "new_people")
    assert result.exit_code == 0, result.output
    assert segment_names(project) == ["new_people"]
    file = project.sequences / "trial_ending" / "sequence.yml"
    # What is commented out is right, too.
    text = file.read_text().replace("small_business", "new_people").replace("[customers]", "[new_people]")
    optional = "segments|include|exclude|exit_on|events|leaves_segments|holdout"
    file.write_text(re.sub(rf"^# (?=(  )?({optional}):)", "", text, flags=re.MULTILINE))
    assert "\nholdout: 0.1" in file.read_text()
    catalog = read_catalog(project, segments=segment_names(project))
    assert [str(problem) for problem in (*catalog.problems, *segment_problems(project))] == []
    sequence = catalog.written["trial_ending"].sequence
    assert (sequence.name, sequence.status, [step.id for step in sequence.steps]) == (
        "Trial ending",
        "draft",
        ["first", "second"],
    )


def test_what_is_there_is_never_written_over(project: Project) -> None:
    new_segment(project, "people")
    (project.segments / "people.yml").unlink()
    (project.segments / "people.sql").write_text("select 1")
    with pytest.raises(DripsError, match=r"people\.sql.*already"):
        new_segment(project, "people")
    assert not (project.segments / "people.yml").exists()
    new_sequence(project, "welcome")
    with pytest.raises(DripsError, match="already"):
        new_sequence(project, "welcome")


@pytest.mark.parametrize(("what", "name"), [("sequence", "Weg/.."), ("sequence", "project"), ("segment", "9-x")])
def test_a_name_that_cannot_be_one_is_refused(project: Project, what: str, name: str) -> None:
    result = asked(project, what, name)
    assert result.exit_code == 1
    assert list(project.segments.iterdir()) == []


def test_a_new_content_model_is_valid_as_it_stands(project: Project) -> None:
    result = asked(project, "content", "lately")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [f"dbt_project/models/content/lately.{ending}" for ending in ("sql", "yml")]
    assert "{% for row in content.lately %}" in result.stderr
    assert [str(problem) for problem in (*content_problems(project), *segment_problems(project))] == []
    assert content_files(project)["lately"].is_many
    assert asked(project, "content", "9-x").exit_code == 1


@pytest.mark.slow
def test_a_new_content_model_is_made_and_shown(tmp_path: Path) -> None:
    place = copy_project(tmp_path)
    new_content(place, "lately")
    sequence = place.sequences / "letters"
    sequence.mkdir()
    sender = "sender: {name: Ada, email: ada@acme.example}"
    trigger = "trigger: {event: lead_created}"
    subject = "\"{{ content.lately | map(attribute='event') | join(', ') }}\""
    steps = f"steps: [{{id: hello, subject: {subject}, template: hello.html}}]"
    (sequence / "sequence.yml").write_text("\n".join((sender, trigger, steps)))
    (sequence / "hello.html").write_text("<p>Hello</p>")
    (sequence / "tests.yml").write_text(SHOWN)
    result = CliRunner().invoke(app, ["test", "letters", "--project", str(place.root)])
    assert result.exit_code == 0, result.output


SHOWN = """
tests:
  - name: shows the latest events first
    start: 2026-03-02T09:00:00Z
    given:
      leads: [{lead_id: ada}]
      events:
        - {lead_id: ada, event: long ago, occurred_at: -31d}
        - {lead_id: ada, event: first, occurred_at: -3h}
        - {lead_id: ada, event: second, occurred_at: -1h}
    expect: {mails: [{lead_id: ada, step: hello, subject: "second, first"}]}
"""


@pytest.mark.slow
def test_a_new_sequence_passes_its_own_tests(tmp_path: Path) -> None:
    place = copy_project(tmp_path)
    new_sequence(place, "trial_ending")
    result = CliRunner().invoke(app, ["test", "trial_ending", "--project", str(place.root)])
    assert result.exit_code == 0, result.output
