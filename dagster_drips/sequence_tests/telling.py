"""Verdicts in words: a block for people, and what `--json` has.

Only telling belongs here; JUnit's XML is in `junit`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from dagster_drips.clock import format_instant
from dagster_drips.sequence_tests.bench import Verdict
from dagster_drips.sequence_tests.comparing import Difference
from dagster_drips.sequence_tests.running import Report


def first_difference(verdict: Verdict) -> list[str]:
    """The lines of a failed test; none of one that passed."""
    difference = verdict.difference
    if difference is None:
        return []
    written = verdict.written
    lines = [
        f"{written.file}:{difference.line}: {written.test.name}",
        f"  at        {_when(difference, written.test.start)}",
        f"  expected  {difference.expected or 'nothing'}",
        f"  got       {difference.got or 'nothing'}",
    ]
    return [*lines, f"  why       {difference.why}"] if difference.why else lines


def as_json(report: Report) -> dict[str, Any]:
    """`tests`, `passed`, `failed`, `problems` and `untested`."""
    return {
        "passed": len(report.verdicts) - len(report.failed),
        "failed": len(report.failed),
        "tests": [
            {
                "sequence_id": verdict.written.sequence_id,
                "name": verdict.written.test.name,
                "file": verdict.written.file,
                "line": verdict.written.line,
                "status": "passed" if verdict.passed else "failed",
                "seconds": round(verdict.seconds, 3),
                "ticks": verdict.ticks,
                "difference": asdict(verdict.difference) if verdict.difference else None,
            }
            for verdict in report.verdicts
        ],
        "problems": [asdict(problem) for problem in report.problems],
        "untested": report.untested,
    }


def _when(difference: Difference, start: datetime) -> str:
    if difference.at is None:
        return "no tick of the test"
    seconds = int((difference.at - start).total_seconds())
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, length)
        if number:
            parts.append(f"{number}{unit}")
    return f"{format_instant(difference.at)} (+{''.join(parts) or '0h'})"
