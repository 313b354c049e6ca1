"""`drips test` as it is typed: what its page shows, exit codes, JUnit XML, and that the project stays as it was."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.pipeline.compiled_runs import FOLDER
from dagster_drips.project import Project
from sequence_tests.conftest import EXAMPLE, SEQUENCE, blocks, file_of_tests

pytestmark = pytest.mark.slow

SNIPPETS = [
    shlex.split(line, comments=True)[1:]
    for block in blocks("sh")
    for line in block.splitlines()
    if line.startswith("drips ")
]
TYPO = EXAMPLE.replace("occurred_at: +10m", "occured_at: +10m", 1)
FAILING = EXAMPLE.replace("reason: converted", "reason: replied")


def drips(project: Project, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--project", str(project.root)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@contextmanager
def saying(project: Project, text: str) -> Iterator[None]:
    file_of_tests(project).write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        file_of_tests(project).write_text(EXAMPLE, encoding="utf-8")


def files(project: Project) -> dict[str, bytes]:
    """All but what dbt's own parse leaves, and what it compiled, which is kept for the next tests."""
    left = {"generated", FOLDER}
    paths = [path for path in project.root.rglob("*") if path.is_file() and not left & {*path.parts}]
    return {str(path.relative_to(project.root)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("arguments", SNIPPETS, ids=" ".join)
def test_what_the_page_shows_runs_and_leaves_the_project_as_it_was(
    project: Project, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = files(project)
    code, out, err = drips(project, *arguments)
    assert code == 0, err
    if "--json" in arguments:
        told = json.loads(out)
        assert (told["passed"], told["failed"], told["problems"]) == (1, 0, [])
        [test] = told["tests"]
        assert (test["name"], test["status"], test["ticks"]) == (
            "reminds after an hour, and stops when they pay",
            "passed",
            7,
        )
    else:
        assert out.splitlines()[-1] == "1 passed, 0 failed"
    if "--junit" in arguments:
        assert (tmp_path / "reports" / "sequences.xml").exists()
    assert files(project) == before
    assert not project.warehouse.exists()


def test_the_page_shows_no_other_calls_than_these() -> None:
    assert [line[0] for line in SNIPPETS] == ["test"] * 4


def test_a_failed_test_exits_1_and_is_a_failure_of_junit(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    with saying(project, FAILING):
        code, out, err = drips(project, "test", "--junit", str(file))
    assert code == 1, err
    assert out.splitlines()[-1] == "0 passed, 1 failed"
    why = (
        r"sequences/abandoned_cart/tests.yml:20: .*\n +at .*\n +expected  exit of ada: replied\n +got +exit of ada: con"
    )
    assert re.search(why, out)
    root = ElementTree.parse(file).getroot()
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "1", "1", "0")
    [suite] = root
    assert (suite.tag, suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        "testsuite",
        SEQUENCE,
        "1",
        "1",
    )
    [case] = suite
    assert (case.tag, case.get("classname"), case.get("file")) == (
        "testcase",
        SEQUENCE,
        f"sequences/{SEQUENCE}/tests.yml",
    )
    assert float(case.get("time") or 0) > 0
    [failure] = case
    assert failure.tag == "failure"
    assert failure.get("message") == "expected exit of ada: replied, got exit of ada: converted"
    assert "converted (L1)" in (failure.text or "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TYPO, "sequences/abandoned_cart/tests.yml:11: unknown key 'occured_at' in tests[1].given.events[1]"),
        (
            EXAMPLE.replace("{lead_id: bea}", "{lead_id: bea, employees: many}"),
            "sequences/abandoned_cart/tests.yml:9: emp",
        ),
    ],
    ids=["a typo", "a row that can't be landed"],
)
def test_a_mistake_in_a_file_is_one_line_and_exits_2(project: Project, text: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    with saying(project, text):
        code, out, err = drips(project, "test", "--junit", str(file))
    assert code == 2
    assert [told for told in err.splitlines() if told.startswith(line)], err
    assert out.startswith("0 passed, 0 failed, mistakes in files: ")
    errors = [error.text or "" for error in ElementTree.parse(file).getroot().iter("error")]
    assert errors == [told for told in err.splitlines() if told.startswith("sequences/")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["abandoned_cat"], "there is no sequence 'abandoned_cat'; did you mean 'abandoned_cart'?"),
        (["news"], "sequences/news/tests.yml: this sequence has no tests"),
        (["--junit", "/"], "/: --junit takes a file, and this is a folder"),
    ],
    ids=["no such sequence", "no tests", "nowhere to write"],
)
def test_what_cant_be_run_is_told_in_one_line(project: Project, arguments: list[str], words: str) -> None:
    news = project.sequences / "news"
    news.mkdir(exist_ok=True)
    (news / "sequence.yml").write_text(
        "trigger: {event: signup}\nsteps: [{id: first, subject: News, template: mail.html}]\n"
    )
    (news / "mail.html").write_text("<html><body><p>Hello</p></body></html>")
    code, out, err = drips(project, "test", *arguments)
    (news / "sequence.yml").unlink()
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert line == f"error: {words}" or line.startswith(f"error: {words};")
