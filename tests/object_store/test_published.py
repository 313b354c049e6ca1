"""What BI reads, in the bucket: whole sets, one of them current."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.project import Project

from .conftest import keys_of, mirror_of

pytestmark = pytest.mark.slow

Make = Callable[..., Project]
READABLE = timedelta(minutes=10)


@pytest.fixture
def project(make_project: Make) -> Project:
    return make_project("here")


@pytest.fixture
def mirror(project: Project) -> ObjectMirror:
    return mirror_of(project)


def publish(project: Project, minutes_ago: float, files: dict[str, str]) -> str:
    """A set as `pipeline.publish` leaves it: what the set before had is a hard link to it."""
    version = f"{datetime.now(UTC) - timedelta(minutes=minutes_ago):%Y%m%dT%H%M%S.%fZ}"
    folder = project.published / "versions" / version
    folder.mkdir(parents=True)
    before = project.published_set.resolve()
    for name, content in files.items():
        if (before / name).exists() and (before / name).read_text() == content:
            (folder / name).hardlink_to(before / name)
        else:
            (folder / name).write_text(content)
    (folder / "manifest.json").write_text(json.dumps({"version": version, "files": sorted(files)}))
    scratch = project.published / "next"
    scratch.symlink_to(f"versions/{version}")
    scratch.replace(project.published_set)
    return version


def test_a_set_is_whole_and_what_did_not_change_is_not_sent_again(project: Project, mirror: ObjectMirror) -> None:
    first = publish(project, 2, {"messages.parquet": "one", "sales.parquet": "same"})
    assert mirror.keep_published(READABLE) == 4
    assert mirror.keep_published(READABLE) == 0, "it is there"
    second = publish(project, 1, {"messages.parquet": "two", "sales.parquet": "same"})
    assert mirror.keep_published(READABLE) == 3
    assert json.loads(mirror.store.get("published/current.json")[0])["version"] == second
    for version, messages in ((first, b"one"), (second, b"two")):
        assert mirror.store.get(f"published/versions/{version}/messages.parquet")[0] == messages
        assert mirror.store.get(f"published/versions/{version}/sales.parquet")[0] == b"same"


def test_superseded_sets_go_after_ten_minutes_and_at_once_for_an_erasure(
    project: Project, mirror: ObjectMirror
) -> None:
    versions = []
    for minutes in (30, 20, 5):
        versions.append(publish(project, minutes, {"messages.parquet": str(minutes)}))
        mirror.keep_published(READABLE)
    assert _versions(mirror) == versions[1:], "the second was current until five minutes ago"
    last = publish(project, 1, {"messages.parquet": "without"})
    mirror.keep_published(timedelta(0))
    assert _versions(mirror) == [last]


def _versions(mirror: ObjectMirror) -> list[str]:
    return sorted({key.split("/")[2] for key in keys_of(mirror, "published/versions")})
