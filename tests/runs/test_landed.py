"""What tells a process that looks again and again that files have landed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_drips.project import Project
from dagster_drips.runs.landed import Landed
from dagster_drips.vocabulary import LANDING_KINDS


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    put(project, "leads/old.csv", "lead_id\n")
    return project


@pytest.fixture
def landed(project: Project) -> Landed:
    landed = Landed(project)
    landed.take()
    return landed


def put(project: Project, path: str, text: str = "x") -> None:
    """As a writer does who lets nobody read half a file."""
    place = project.landing / path
    place.parent.mkdir(parents=True, exist_ok=True)
    hidden = place.with_name(f".{place.name}")
    hidden.write_text(text)
    hidden.replace(place)


@pytest.mark.parametrize("path", ["leads/new.csv", "events/dt=2026-03-01/event=login/0.parquet", "leads/old.csv"])
def test_a_file_that_comes_is_new_until_it_is_taken(project: Project, landed: Landed, path: str) -> None:
    assert not landed.is_new()
    put(project, path, "lead_id\nl1\n")
    assert landed.is_new()
    assert landed.is_new(), "nobody has taken it"
    landed.take()
    assert not landed.is_new()


def test_a_file_in_a_folder_of_a_partition_that_was_there_is_new(project: Project) -> None:
    put(project, "events/dt=2026-03-01/0.parquet")
    landed = Landed(project)
    landed.take()
    put(project, "events/dt=2026-03-01/1.parquet")
    assert landed.is_new()


@pytest.mark.parametrize("path", ["leads/.new.csv", "leads/new.csv.part", "raw/postmark.jsonl", "leads/notes.txt"])
def test_what_nobody_reads_is_nothing_new_and_hides_nothing(project: Project, landed: Landed, path: str) -> None:
    (project.landing / "raw").mkdir()
    (project.landing / path).write_text("x")
    assert not landed.is_new()
    put(project, "leads/new.csv")
    assert landed.is_new()


def test_a_project_without_landing_folders_has_nothing_new_until_one_is_made(tmp_path: Path) -> None:
    project = Project(tmp_path)
    landed = Landed(project)
    landed.take()
    assert not landed.is_new()
    put(project, "leads/new.csv")
    assert landed.is_new()


@pytest.mark.parametrize(("type_", "is_new"), [("opened", False), ("clicked", False), ("replied", True)])
def test_opens_that_no_step_asks_for_wait_for_the_schedule(
    project: Project, landed: Landed, type_: str, *, is_new: bool
) -> None:
    (project.root / "sequences").mkdir()
    put(project, "engagement/1.jsonl", f'{{"message_id": "m", "type": "{type_}"}}\n')
    assert landed.is_new() == is_new
