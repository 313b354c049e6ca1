"""JUnit XML holds whatever people write into tests, and its counts add up."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dagster_drips.errors import DripsError
from dagster_drips.sequence_tests.bench import Verdict
from dagster_drips.sequence_tests.comparing import Difference
from dagster_drips.sequence_tests.junit import write_junit
from dagster_drips.sequence_tests.running import Report
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.tests_file import WrittenTest
from dagster_drips.sequences.tests_schema import SequenceTest

NASTY = 'a <b> & "c" \x07 ]]> \ud800 \ufffe ü 🎈'


def verdict(sequence_id: str, name: str, difference: Difference | None = None) -> Verdict:
    test = SequenceTest.model_validate(
        {"name": "x", "start": "2026-03-02", "given": {"leads": [{"lead_id": "ada"}]}, "expect": {"mails": []}}
    ).model_copy(update={"name": name})
    file = f"sequences/{sequence_id}/tests.yml"
    written = WrittenTest(sequence_id, file, 3, test, (), Reading(file, b""), ())
    return Verdict(written, difference, 0.25, 4)


def test_the_counts_add_up_and_every_character_can_be_read(tmp_path: Path) -> None:
    difference = Difference("mails", datetime(2026, 3, 2, 9), "ada", "hello", NASTY, None, 7, NASTY)
    verdicts = [verdict("cart", "one"), verdict("cart", NASTY, difference), verdict("news", "three")]
    report = Report(verdicts, [Problem("sequences/x/tests.yml", 4, NASTY)])
    file = tmp_path / "deep" / "report.xml"
    write_junit(report, file)
    root = ElementTree.parse(file).getroot()
    wanted = {"tests": "4", "failures": "1", "errors": "1", "skipped": "0", "time": "0.750"}
    assert {name: root.get(name) for name in wanted} == wanted
    suites = list(root)
    assert [suite.get("name") for suite in suites] == ["cart", "news", "files"]
    for count in ("tests", "failures", "errors", "skipped"):
        assert sum(int(suite.get(count) or 0) for suite in suites) == int(root.get(count) or 0)
    assert [len(suite) for suite in suites] == [int(suite.get("tests") or 0) for suite in suites]
    for case in root.iter("testcase"):
        assert {"classname", "name", "time", "file", "line"} <= case.attrib.keys()
    [failure] = root.iter("failure")
    assert 'a <b> & "c" \ufffd ]]>' in (failure.get("message") or "")
    assert "🎈" in (failure.text or "")
    [error] = root.iter("error")
    assert (error.text or "").startswith("sequences/x/tests.yml:4: a <b>")


def test_a_file_that_cant_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DripsError, match="can't write"):
        write_junit(Report(), tmp_path / "taken" / "report.xml")
