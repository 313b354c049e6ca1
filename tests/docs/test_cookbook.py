"""The recipes of docs/cookbook/ do what they say: their blocks make a new project, valid, that passes its tests."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY
from typer.testing import CliRunner, Result

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app

PAGES = sorted((REPOSITORY / "docs" / "cookbook").glob("*.md"))
BLOCK = re.compile(r"^`([\w./-]+)`\n\n```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^```\w+$", re.MULTILINE)
LANGUAGES = {".sql": "sql", ".yml": "yaml", ".html": "html"}
SETTINGS = "sequences/project.yml"


def blocks(page: Path) -> dict[str, str]:
    """The files that a page shows, by path: what stands in the fence under it."""
    return {path: text for path, _, text in BLOCK.findall(page.read_text(encoding="utf-8"))}


def recipes() -> list[str]:
    """Sequences with tests, in the order of the pages."""
    return [Path(path).parent.name for page in PAGES for path in blocks(page) if path.endswith("/tests.yml")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project with the files of all pages; what ships with it has its own tests elsewhere."""
    folder = tmp_path_factory.mktemp("cookbook") / "shop"
    assert CliRunner().invoke(app, ["init", str(folder)]).exit_code == 0
    for shipped in folder.glob("sequences/*/tests.yml"):
        shipped.unlink()
    for page in PAGES:
        for path, text in blocks(page).items():
            file = folder / path
            if path == SETTINGS:
                _add_settings(file, yaml.safe_load(text))
                continue
            assert not file.exists(), f"{page.name}: {path} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return folder


def _add_settings(file: Path, added: dict[str, dict[str, str]]) -> None:
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    for key, values in added.items():
        settings[key] = settings.get(key, {}) | values
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")


def drips(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--project", str(project)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_is_a_file_of_that_kind(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = BLOCK.findall(text)
    assert len(found) == len(FENCE.findall(text))
    assert [(path, language) for path, language, _ in found if LANGUAGES[Path(path).suffix] != language] == []
    assert len({path for path, _, _ in found}) == len(found)


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "index"], ids=lambda page: page.stem)
def test_a_recipe_has_a_segment_and_tested_sequences(page: Path) -> None:
    files = blocks(page)
    assert [path for path in files if path.startswith("dbt_project/models/segments/")]
    sequences = {Path(path).parent.name for path in files if path.endswith("/sequence.yml")}
    assert sequences
    assert sequences == {Path(path).parent.name for path in files if path.endswith("/tests.yml")}
    assert f"]({page.name})" in (page.parent / "index.md").read_text(encoding="utf-8")


def test_the_files_of_the_pages_are_valid_without_a_warning(project: Path) -> None:
    result = drips(project, "validate", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["problems"] == []


@pytest.fixture(scope="module")
def verdicts(project: Path) -> dict[str, list[dict[str, object]]]:
    """What became of the tests, by sequence: all on one bench."""
    shutil.rmtree(project / "data" / "landing")
    result = drips(project, "test", "--json")
    told = json.loads(result.stdout)
    assert told["problems"] == []
    found: dict[str, list[dict[str, object]]] = {}
    for test in told["tests"]:
        found.setdefault(test["sequence_id"], []).append(test)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("sequence_id", recipes())
def test_a_recipe_passes_its_own_tests(sequence_id: str, verdicts: dict[str, list[dict[str, object]]]) -> None:
    assert verdicts[sequence_id]
    assert [test for test in verdicts[sequence_id] if test["status"] != "passed"] == []
