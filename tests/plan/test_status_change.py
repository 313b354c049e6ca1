"""`drips activate`, `pause`, `archive`: the plan is shown, the file edited, and a file with mistakes left alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from conftest import copy_project
from typer.testing import CliRunner, Result

from dagster_drips.cli import activate, archive, pause  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.clock import utc_now
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

SEQUENCE = """\
# A greeting.
name: Welcome
status: draft   # until the sender is ours
sender: {email: ada@acme.example}
trigger: {event: lead_created, lookback: {days: 3}}
steps:
  - id: hello
    subject: Hello
    template: hello.html
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    sequences = tmp_path / "written"
    (sequences / "welcome").mkdir(parents=True)
    (sequences / "welcome" / "sequence.yml").write_text(SEQUENCE)
    (sequences / "welcome" / "hello.html").write_text("<p>Hello</p>")
    return copy_project(tmp_path / "project", sequences=sequences)


def asked(project: Project, *arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, [*arguments, "--project", str(project.root)], input=answer)


def text_of(project: Project) -> str:
    return (project.sequences / "welcome" / "sequence.yml").read_text()


def test_a_draft_is_planned_then_activated_paused_and_archived(project: Project) -> None:
    landed = project.landing / "leads"
    landed.mkdir(parents=True)
    now = utc_now()
    (landed / "1.csv").write_text(
        f"lead_id,created_at,email\nL1,{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ},l@x.example\n"
    )
    with open_warehouse(project.warehouse) as warehouse:
        Pipeline.of(project).tick(warehouse, settings=None, measure=False)

    refused = asked(project, "activate", "welcome", answer="n\n")
    assert refused.exit_code == 1
    assert "after:  sent" in refused.output
    assert "domain reserved for examples" in refused.output
    assert text_of(project) == SEQUENCE

    done = asked(project, "activate", "welcome", "--no-plan", answer="y\n")
    assert done.exit_code == 0, done.output
    assert text_of(project) == SEQUENCE.replace("status: draft ", "status: active ")
    assert asked(project, "activate", "welcome").output == "welcome is active already\n"

    assert asked(project, "pause", "welcome", "--yes", "--no-plan").exit_code == 0
    assert text_of(project) == SEQUENCE.replace("status: draft ", "status: paused ")
    assert asked(project, "archive", "welcome", "--yes", "--no-plan").exit_code == 0
    assert text_of(project) == SEQUENCE.replace("status: draft ", "status: archived ")


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (SEQUENCE.replace("template: hello.html", "template: gone.html"), "gone.html"),
        (SEQUENCE.replace("name: Welcome", "name: [Welcome"), "sequence.yml:"),
    ],
)
def test_a_sequence_with_mistakes_stays_as_it_is(project: Project, broken: str, told: str) -> None:
    (project.sequences / "welcome" / "sequence.yml").write_text(broken)
    result = asked(project, "activate", "welcome", "--yes")
    assert result.exit_code == 1
    assert told in result.output
    assert "welcome stays draft" in result.output
    assert text_of(project) == broken


def test_an_unknown_sequence_is_told_in_one_line(project: Project) -> None:
    result = asked(project, "activate", "welcom")
    assert result.exit_code == 1
    assert str(result.output or result.exception).count("\n") <= 1
    assert "did you mean 'welcome'" in (result.output + str(result.exception))
