"""One real S3 server for the tests of this folder; each test has a prefix of its own in its bucket."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3_server import S3Server, s3_server

from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS


@pytest.fixture(scope="session")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "DRIPS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def prefix() -> str:
    return secrets.token_hex(6)


@pytest.fixture
def make_project(server: S3Server, prefix: str, tmp_path: Path) -> Callable[..., Project]:
    """Makes a project without sequences that has the test's prefix, under the name of a machine."""

    def make(machine: str, **of_server: tuple[str, str]) -> Project:
        root = tmp_path / machine
        for folder in ("sequences", "dbt_project", *(f"data/landing/{kind}" for kind in LANDING_KINDS)):
            (root / folder).mkdir(parents=True)
        write_env(root, server.variables(prefix, **of_server))
        return Project.at(root)

    return make


def write_env(root: Path, variables: dict[str, str]) -> None:
    (root / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))


def mirror_of(project: Project) -> ObjectMirror:
    mirror = ObjectMirror.of(project)
    assert mirror is not None
    return mirror


def keys_of(mirror: ObjectMirror, folder: str) -> list[str]:
    return [facts.key for facts in mirror.store.list(folder)]
