"""A project's folder that was copied mails nobody until somebody says that it has moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from smtp.servers import ScriptedServer

from dagster_drips.delivery.dispatch import dispatch
from dagster_drips.delivery.place import ID_FILE, adopt, mark_place, misplaced, require_place
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import open_warehouse

from .conftest import AS_OF, WALL, World


def copied(project: Project, to: Path) -> Project:
    shutil.copytree(project.root, to)
    return Project.at(to)


@pytest.fixture
def lived(project: Project) -> Project:
    project.journal.mkdir(parents=True)
    mark_place(project)
    return project


def test_where_the_journal_was_written_mail_goes_out(lived: Project) -> None:
    require_place(lived)
    mark_place(lived)
    require_place(lived)
    assert not adopt(lived, now=WALL)


def test_a_project_without_journal_is_in_its_place(project: Project) -> None:
    assert misplaced(project) is None
    with pytest.raises(DripsError, match="there is no journal yet"):
        adopt(project, now=WALL)


def test_a_folder_that_was_renamed_is_the_same_place(lived: Project, tmp_path: Path) -> None:
    moved = lived.root.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert misplaced(Project.at(moved)) is None


@pytest.mark.parametrize("keeps_id", [True, False])
def test_a_copy_is_another_place_with_and_without_the_id(lived: Project, tmp_path: Path, keeps_id: bool) -> None:
    copy = copied(lived, tmp_path.with_name(f"{tmp_path.name}-copy"))
    if not keeps_id:
        (copy.data / ID_FILE).unlink()
    with pytest.raises(DripsError, match=r"nothing is sent.*`drips adopt`"):
        require_place(copy)
    # A tick in it doesn't make it the place.
    mark_place(copy)
    assert misplaced(copy)
    assert misplaced(lived) is None
    assert adopt(copy, now=WALL)
    require_place(copy)
    require_place(lived)


def test_a_journal_restored_into_another_folder_is_another_place(lived: Project) -> None:
    aside = lived.data / "aside"
    lived.journal.rename(aside)
    shutil.copytree(aside, lived.journal)
    assert misplaced(lived)
    assert adopt(lived, now=WALL)
    assert misplaced(lived) is None


def test_a_known_place_that_cannot_be_read_is_told_by_its_file(lived: Project) -> None:
    (lived.journal / "place.json").write_text("{")
    with pytest.raises(DripsError, match=r"place\.json.*can't be read"):
        require_place(lived)


def test_what_is_due_stays_due_in_a_copy_and_goes_out_once_it_is_adopted(world: World, tmp_path: Path) -> None:
    mark_place(world.project)
    world.add_version()
    message_id = world.add_lead(1)
    world.warehouse.checkpoint()
    copy = copied(world.project, tmp_path.with_name(f"{tmp_path.name}-copy"))

    with ScriptedServer() as server, open_warehouse(copy.warehouse) as warehouse:

        def send() -> int:
            settings = Settings(smtp_url=server.url)
            return dispatch(copy, warehouse, settings, as_of=AS_OF, now=lambda: WALL).sent

        with pytest.raises(DripsError, match="A copy must not mail people again"):
            send()
        assert server.accepted == []
        assert warehouse.rows("from raw.delivery_log") == []
        adopt(copy, now=WALL)
        assert send() == 1
        assert server.accepted == [message_id]
