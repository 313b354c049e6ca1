"""Journals that were cut, deleted, or put back from an older backup, in whole ticks and rebuilds: no mail goes twice.

Nothing can help where all of `data/journal` and the warehouse are gone, or both are of the same older day: that is a
project which has not sent those mails.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from end_to_end.shop import START, Shop, new_shop

from dagster_drips.cli.status import read_status
from dagster_drips.delivery.delivery_journal import deliveries
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.privacy.forget import forget
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

from .hostile_smtp import HostileServer

pytestmark = pytest.mark.slow

LEADS = [f"l{number:02}" for number in range(20)]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A project that has sent twenty mails in two ticks, and the ids of its messages."""
    folder = tmp_path_factory.mktemp("lost")
    with HostileServer("none", None) as server:
        shop = new_shop(folder)
        shop.sign_up(*LEADS[:12])
        shop.tick(server.url)
        shop.sign_up(*LEADS[12:])
        shop.tick(server.url)
        shop.measure()
        sent = sorted(server.perhaps_accepted)
    assert len(sent) == len(LEADS)
    return shop.project.root, sent


@pytest.fixture
def project(lived: tuple[Path, list[str]], tmp_path: Path) -> Project:
    shutil.copytree(lived[0], tmp_path / "project")
    return Project.at(tmp_path / "project")


def next_tick(project: Project) -> list[str]:
    """What the next tick sends."""
    shop = Shop.__new__(Shop)
    shop.project, shop.now = project, START + timedelta(hours=5)
    shop._pipeline, shop._files, shop._measured = Pipeline.of(project), 100, False
    with HostileServer("none", None) as server:
        shop.tick(server.url)
        return sorted(server.perhaps_accepted)


def held(project: Project) -> dict[str, int]:
    """How many messages are sent, in doubt and so on."""
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        rows = warehouse.rows(
            "select status, count(*) as n from after_sending.message_states_after_sending group by status"
        )
        return {row["status"]: row["n"] for row in rows}


def files(project: Project) -> list[Path]:
    return sorted(deliveries(project).glob("[!.]*.jsonl"))


def _cut(share: float) -> Callable[[Project], None]:
    def act(project: Project) -> None:
        for path in files(project):
            content = path.read_bytes()
            path.write_bytes(content[: int(len(content) * share)])

    return act


def _without_outcomes(project: Project) -> None:
    for path in files(project):
        lines = [
            line for line in path.read_bytes().splitlines(keepends=True) if b'"claimed"' in line or b'"run"' in line
        ]
        path.write_bytes(b"".join(lines))


def _delete_the_first(project: Project) -> None:
    files(project)[0].unlink()


def _delete_the_folder(project: Project) -> None:
    shutil.rmtree(deliveries(project))


LOSSES: dict[str, tuple[Callable[[Project], None], int | None]] = {
    "half of it": (_cut(0.5), None),
    "all but its end": (_cut(0.98), None),
    "without outcomes": (_without_outcomes, 20),
    "the folder deleted": (_delete_the_folder, 20),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_rebuild_holds_what_the_delivery_journal_has_lost(
    lived: tuple[Path, list[str]], project: Project, loss: str
) -> None:
    act, doubts = LOSSES[loss]
    act(project)
    project.warehouse.unlink()
    report = rebuild(project)
    states = held(project)
    assert states.get("sent", 0) + states["in_doubt"] == len(LEADS)
    assert report.lost > 0 or loss == "all but its end"
    assert doubts is None or states["in_doubt"] == doubts
    assert next_tick(project) == []
    if loss == "the folder deleted":  # it is journaled: one more rebuild knows it, too
        project.warehouse.unlink()
        assert rebuild(project).lost == 0
        assert held(project)["in_doubt"] == states["in_doubt"]


def test_a_warehouse_that_is_there_sends_nothing_again_and_status_tells_of_the_loss(project: Project) -> None:
    _cut(0.5)(project)
    assert next_tick(project) == []
    assert held(project) == {"sent": len(LEADS)}
    told = "\n".join(read_status(project).problems)
    assert told.count("shorter than it was") == 2
    _delete_the_first(project)
    assert "is gone: put it back" in "\n".join(read_status(project).problems)


def test_a_rebuild_asks_the_warehouse_that_it_replaces(project: Project) -> None:
    """All of `data/journal` is of an older day; the warehouse knows better."""
    last = files(project)[-1]
    last.unlink()
    for commit in sorted((project.journal / "ticks").glob("*/*"))[-2:]:
        shutil.rmtree(commit)
    report = rebuild(project)
    assert report.lost == 8
    assert next_tick(project) == []


def test_a_tick_journal_without_its_last_commits_sends_nothing_again(project: Project) -> None:
    for commit in sorted((project.journal / "ticks").glob("*/*"))[-2:]:
        shutil.rmtree(commit)
    project.warehouse.unlink()
    rebuild(project)
    assert next_tick(project) == []


def test_without_a_tick_journal_the_deliveries_alone_keep_mail_from_going_twice(project: Project) -> None:
    shutil.rmtree(project.journal / "ticks")
    project.warehouse.unlink()
    assert next_tick(project) == []


def test_who_is_forgotten_is_not_brought_back_by_what_was_lost(project: Project) -> None:
    forget(project, LEADS[0])
    assert held(project) == {"sent": len(LEADS) - 1}
    project.warehouse.unlink()
    assert rebuild(project).lost == 0
    assert held(project) == {"sent": len(LEADS) - 1}
    for path in project.journal.rglob("*"):
        assert path.is_dir() or b"l00@x.example" not in path.read_bytes()


def test_whole_journals_lose_nothing(project: Project) -> None:
    assert rebuild(project).lost == 0
    assert held(project) == {"sent": len(LEADS)}
    assert not [problem for problem in read_status(project).problems if "deliveries" in problem]
    assert next_tick(project) == []
