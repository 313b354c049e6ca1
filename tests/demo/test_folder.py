"""The demo's folder: emptied only if a demo made it, and never over the project that it copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_drips.demo.folder import MARKER, demo_project
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.compiled_runs import FOLDER
from dagster_drips.project import Project


@pytest.fixture
def source(tmp_path: Path) -> Project:
    root = tmp_path / "own"
    for name, text in {
        "sequences/project.yml": "timezone: UTC\n",
        "dbt_project/dbt_project.yml": "name: drips\n",
        "dbt_project/target/manifest.json": "{}",
        "data/landing/leads/mine.csv": "lead_id\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Project.at(root)


def _files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_demo_gets_copies_of_sequences_and_models_and_no_data(source: Project, tmp_path: Path) -> None:
    before = _files(source.root)
    with demo_project(source, tmp_path / "demo") as project:
        (project.sequences / "project.yml").write_text("timezone: Europe/Berlin\n")
        assert (project.dbt / "dbt_project.yml").read_text() == "name: drips\n"
        assert not (project.dbt / "target").exists()
        assert list((project.landing / "leads").iterdir()) == []
    assert _files(source.root) == before


def test_what_dbt_compiled_for_the_project_or_an_earlier_demo_is_handed_on(source: Project, tmp_path: Path) -> None:
    def keep(project: Project, name: str) -> None:
        (project.dbt / "target" / FOLDER).mkdir(parents=True, exist_ok=True)
        (project.dbt / "target" / FOLDER / name).write_text(name)

    keep(source, "a.msgpack")
    with demo_project(source, tmp_path / "demo") as project:
        keep(project, "b.msgpack")
    with demo_project(source, tmp_path / "demo") as project:
        assert {path.name for path in (project.dbt / "target").rglob("*.*")} == {"a.msgpack", "b.msgpack"}


def test_drafts_are_active_in_the_demos_copy_and_stay_drafts_in_the_project(source: Project, tmp_path: Path) -> None:
    texts = {
        "draft": (
            "# why\nname: x\nstatus: draft  # first a sender\r\nsteps: []\n",
            "# why\nname: x\nstatus: active  # first a sender\r\nsteps: []\n",
        ),
        "silent": ("name: x\n", "status: active\nname: x\n"),
        "paused": ("status: paused\n", "status: paused\n"),
        "nested": ("status: active\ngoal:\n  status: draft\n", "status: active\ngoal:\n  status: draft\n"),
    }
    for name, (text, _) in texts.items():
        (source.sequences / name).mkdir()
        (source.sequences / name / "sequence.yml").write_bytes(text.encode())
    before = _files(source.root)
    with demo_project(source, tmp_path / "demo") as project:
        for name, (_, expected) in texts.items():
            assert (project.sequences / name / "sequence.yml").read_bytes() == expected.encode(), name
    assert _files(source.root) == before


def test_what_an_earlier_demo_left_is_gone(source: Project, tmp_path: Path) -> None:
    with demo_project(source, tmp_path / "demo") as project:
        (project.data / "warehouse.duckdb").write_text("old")
        (project.root / "notes.txt").write_text("old")
        (project.landing / "leads" / "old.csv").write_text("old")
    with demo_project(source, tmp_path / "demo") as project:
        assert "old" not in _files(project.root).values()


def test_a_folder_with_a_strangers_files_is_refused_and_left_as_it_is(source: Project, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(DripsError, match="not a demo's"), demo_project(source, folder):
        pass
    assert _files(folder) == {"thesis.txt": "mine"}


def test_an_empty_folder_is_taken(source: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with demo_project(source, tmp_path / "empty") as project:
        assert (project.root / MARKER).is_file()


def test_a_file_is_no_folder(source: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DripsError, match="this is a file"), demo_project(source, tmp_path / "file"):
        pass


@pytest.mark.parametrize("place", [".", "..", "data", "data/demo", "sequences", "dbt_project/models"])
def test_the_demo_never_lies_over_the_project(source: Project, place: str) -> None:
    before = _files(source.root)
    folder = source.root / place
    folder.mkdir(exist_ok=True)
    for path in (folder, source.root, source.root.parent):
        (path / MARKER).write_text("pretended")
    with pytest.raises(DripsError, match="over the project"), demo_project(source, folder):
        pass
    assert before.items() <= _files(source.root).items()


def test_two_demos_in_one_folder_wait_for_nobody_and_say_so(source: Project, tmp_path: Path) -> None:
    with demo_project(source, tmp_path / "demo") as project:
        (project.landing / "leads" / "kept.csv").write_text("kept")
        with pytest.raises(DripsError, match="another run"), demo_project(source, tmp_path / "demo"):
            pass
        assert (project.landing / "leads" / "kept.csv").read_text() == "kept"
