"""One project a module with the page's example for its only tests, and one bench for all that run on it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY, copy_project

from dagster_drips.project import Project
from dagster_drips.sequence_tests.bench import Bench, bench_of
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.tests_file import WrittenTest, read_tests

PAGE = (REPOSITORY / "docs" / "sequence-tests.md").read_text(encoding="utf-8")
SEQUENCE = "abandoned_cart"


def blocks(language: str) -> list[str]:
    """What the page has in fences of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


EXAMPLE = blocks("yaml")[0]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(tmp_path_factory.mktemp("tested") / "project")
    for folder in project.sequences.iterdir():
        if folder.is_dir() and folder.name != SEQUENCE and not folder.name.startswith("_"):
            shutil.rmtree(folder)
    file_of_tests(project).write_text(EXAMPLE, encoding="utf-8")
    return project


def file_of_tests(project: Project) -> Path:
    return project.sequences / SEQUENCE / "tests.yml"


@pytest.fixture(scope="module")
def written(project: Project) -> Callable[[str], WrittenTest]:
    """The one test of a file with that text."""

    def read(text: str) -> WrittenTest:
        file = file_of_tests(project)
        file.write_text(text, encoding="utf-8")
        segments = segment_names(project)
        [test], problems = read_tests(project, read_catalog(project, segments=segments), segments=segments)
        file.write_text(EXAMPLE, encoding="utf-8")
        assert problems == []
        return test

    return read


@pytest.fixture(scope="module")
def bench(project: Project, written: Callable[[str], WrittenTest]) -> Iterator[Bench]:
    with bench_of(project, [written(EXAMPLE)]) as bench:
        yield bench
