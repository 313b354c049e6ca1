"""Verdicts as JUnit XML, as CI servers read it (GitHub's actions, GitLab, Jenkins, Azure).

One `testsuite` a sequence, one `testcase` a test; a mistake in a file is a `testcase` with an `error`, so that a run
that couldn't begin is no green one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from dagster_drips.errors import DripsError
from dagster_drips.sequence_tests.bench import Verdict
from dagster_drips.sequence_tests.running import Report
from dagster_drips.sequence_tests.telling import first_difference
from dagster_drips.sequences.problems import Problem

_FILES = "files"
# What XML 1.0 can't hold, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(report: Report, file: Path) -> None:
    """Write them.

    Raises:
        DripsError: the file can't be written.
    """
    root = Element("testsuites", {"name": "drips test", **_counts(report.verdicts, report.problems)})
    for sequence_id in dict.fromkeys(verdict.written.sequence_id for verdict in report.verdicts):
        own = [verdict for verdict in report.verdicts if verdict.written.sequence_id == sequence_id]
        suite = SubElement(root, "testsuite", {"name": _text(sequence_id), **_counts(own, ())})
        for verdict in own:
            _add_test(suite, verdict)
    if report.problems:
        suite = SubElement(root, "testsuite", {"name": _FILES, **_counts((), report.problems)})
        for problem in report.problems:
            case = _case(suite, _FILES, str(problem), problem.file, problem.line or 1, 0.0)
            SubElement(case, "error", message=_text(problem.message), type="mistake").text = _text(str(problem))
    indent(root)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=file) from error


def _add_test(suite: Element, verdict: Verdict) -> None:
    written, difference = verdict.written, verdict.difference
    case = _case(suite, written.sequence_id, written.test.name, written.file, written.line, verdict.seconds)
    if difference is not None:
        message = f"expected {difference.expected or 'nothing'}, got {difference.got or 'nothing'}"
        failure = SubElement(case, "failure", message=_text(message), type=difference.kind)
        failure.text = _text("\n".join(first_difference(verdict)))


def _case(suite: Element, class_name: str, name: str, file: str, line: int, seconds: float) -> Element:
    given = {"classname": class_name, "name": name, "file": file, "line": str(line), "time": f"{seconds:.3f}"}
    return SubElement(suite, "testcase", {key: _text(value) for key, value in given.items()})


def _counts(verdicts: Sequence[Verdict], problems: Sequence[Problem]) -> dict[str, str]:
    return {
        "tests": str(len(verdicts) + len(problems)),
        "failures": str(sum(not verdict.passed for verdict in verdicts)),
        "errors": str(len(problems)),
        "skipped": "0",
        "time": f"{sum(verdict.seconds for verdict in verdicts):.3f}",
    }


def _text(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
