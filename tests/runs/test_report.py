"""What a tick is told of, in lines and in one."""

from __future__ import annotations

from datetime import datetime

from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.landing.load import LoadReport
from dagster_drips.pipeline.checks import Check
from dagster_drips.pipeline.tick import Decided, TickReport
from dagster_drips.runs.report import RunReport, lines_of_sending
from dagster_drips.vocabulary import LANDING_KINDS


def told(**counts: object) -> list[str]:
    return lines_of_sending(DispatchReport(due=20, sent=3, **counts))[1:]  # ty: ignore[invalid-argument-type]


def test_a_tick_tells_people_what_is_held_and_what_stopped_only_where_there_is_any() -> None:
    assert told() == []
    assert told(held=5) == ["held     5 stay due, by the rates of senders and domains"]
    assert told(only_to=2) == ["held     2 stay due: DRIPS_ONLY_TO lets mail go to others alone"]
    assert told(held=10, stopped="refused") == [
        "held     10 stay due, by the rates of senders and domains",
        "stopped  7 stay due: refused",
    ]
    assert lines_of_sending(None) == ["sent     nothing, as asked (--no-send)"]


def test_failed_checks_and_the_mistakes_behind_them_are_told_each_once() -> None:
    loaded = {kind: LoadReport(kind, 1, 3 if kind == "leads" else 0, 0, 0) for kind in LANDING_KINDS}
    decided = Decided(datetime(2026, 3, 1), judged=4, enrolled=2, exited=0, skipped=0, due=2)
    sent = DispatchReport(due=2, sent=1, bounced=1)
    check = Check("raw/sequences", "files_are_valid", False, metadata={"errors": 1}, problems=("sequences/a: broken",))
    report = RunReport(TickReport([], loaded, decided, sent, 0, []), [check], 1.234)
    assert report.lines() == [
        "tick     2026-03-01T00:00:00Z",
        "loaded   3 leads, 0 events, 0 suppressions, 0 engagement",
        "decided  4 judged, 2 enrolled, 0 exited, 0 skipped, 2 due",
        "sent     1 sent, 0 failed, 1 bounced, 0 deferred, 0 in doubt, 0 refused, 0 exited at send",
        "check    raw/sequences files_are_valid (errors: 1)",
        "error    sequences/a: broken",
        "errors   1 in sequence files and segments; `drips validate` checks them",
    ]
    assert report.line("landed") == (
        "2026-03-01T00:00:00Z  landed: 3 leads loaded; 2 enrolled, 2 due; 1 sent, 1 bounced;"
        " failed: raw/sequences files_are_valid (1.2 s)"
    )
    assert report.as_dict()["loaded"]["leads"] == {"files": 1, "loaded": 3, "rejected": 0, "duplicates": 0}
