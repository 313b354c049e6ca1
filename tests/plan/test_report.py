"""A plan in words: every word of the rules is told in English, and what others wrote stays text."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from conftest import DBT_PACKAGE

from dagster_drips.pipeline.reasons import REASONS
from dagster_drips.pipeline.replay import Span
from dagster_drips.plan import report
from dagster_drips.plan.comparing import Plan

START = datetime(2026, 3, 1)
SPAN = Span(START, START + timedelta(days=1), timedelta(hours=6))
TOTALS = {
    "base_mails": 10, "working_mails": 9, "gains": 1, "loses": 2, "earlier": 0, "later": 3, "other_variant": 0,
    "people": 6, "differing": 6, "leads": 9, "new_enrollments": 4, "lost_enrollments": 0, "change": 0.6,
}  # fmt: skip
HOSTILE = "|[x](https://evil.example)<script>`*_@everyone#1\n|"


def mail(**given: Any) -> dict[str, Any]:
    columns = ("state", "reason", "at", "as_of", "variant_id")
    row = {f"{side}_{column}": None for side in ("base", "working") for column in columns}
    sent = {"base_state": "sent", "base_at": START, "base_as_of": START}
    skipped = {"working_state": "skipped", "working_reason": "condition", "working_at": START}
    names = {"lead_id": "L1", "sequence_id": "s", "step_id": "a", "change": "loses", "moved_by": None}
    return {**row, **names, **sent, **skipped, **given}


def plan_of(**given: Any) -> Plan:
    step = {"sequence_id": "s", "step_id": "a", "sequence_change": "changed", "base_mails": 10, "working_mails": 9}
    counts = {"gains": 1, "loses": 2, "earlier": 0, "later": 3, "other_variant": 0}
    found: dict[str, Any] = {
        "base": "live",
        "span": SPAN,
        "edits": [{"kind": "sequence", "name": "s", "change": "changed", "what": ["steps"]}],
        "totals": TOTALS,
        "by_step": [{**step, **counts}],
        "entering": [{"sequence_id": "s", "enter": 4, "stay_out": 0}],
        "at_once": [{"sequence_id": "s", "exit_reason": "converted", "people": 2}],
        "displaced": [
            {
                "displaced_by": "frequency_cap",
                "sequence_id": "t",
                "sequence_change": None,
                "later": 3,
                "not_in_these_days": 0,
                "people": 3,
            }
        ],
        "days": [{"day": date(2026, 3, 1), "base_mails": 10, "working_mails": 9}],
        "segments": [{"segment": "vip", "base_members": 1, "working_members": None, "entered": 0, "left": 1}],
        "samples": [mail()],
        "warnings": [{"warning": "segment_triples", "subject": "vip", "step_id": None, "amount": 9}],
    }
    return Plan(**{**found, **given})


def test_a_reviewer_reads_who_gets_more_who_less_and_whose_mail_moves() -> None:
    lines = report.as_text(plan_of(exceeded=["too many"]))
    assert lines == [
        "What these files would change for people: the plan",
        "  before: what is live: the files as the last tick saw them",
        "  after: the working files",
        "  days: both lived from 2026-03-01 00:00 to 2026-03-02 00:00 UTC, a tick every 6 h, on the data of now;"
        " nothing was sent",
        "",
        "files that differ",
        "  ~ sequence s: steps",
        "",
        "Mails 10 → 9: 1 gained, 2 lost, 3 later (6 people).",
        "warning: segment vip is three times as large or more: 9 people",
        "exceeded: too many",
        "",
        "mails by sequence and step",
        "  sequence/step  before  after  gained  lost  earlier  later  other variant",
        "  s/a                10      9       1     2        0      3              0",
        "",
        "entering",
        "  s: 4 more enter",
        "",
        "enter and exit at once",
        "  s: 2 people, converted (L1)",
        "",
        "displaced by limits",
        "  the frequency cap (F1): 3 later of t, which nobody edited",
        "",
        "segments",
        "  vip: 1 → no result (0 entered, 1 left)",
        "",
        "mails a day",
        "  day         before  after",
        "  2026-03-01      10      9",
        "",
        "for example, by lead_id (1 of 6 people)",
        "  L1 no longer gets s/a in these days",
        "    before: sent on 2026-03-01 00:00",
        "    after:  the step is skipped: its conditions say no (M6), on 2026-03-01 00:00",
    ]


def test_a_mail_that_moves_says_by_how_much_and_why() -> None:
    moved = mail(
        change="moves",
        moved_by="schedule",
        base_as_of=START,
        working_as_of=START + timedelta(days=1, hours=8),
        working_state="sent",
        working_at=START + timedelta(days=1, hours=8),
    )
    lines = report.as_text(plan_of(samples=[moved], base="main"))
    assert lines[1] == "  before: the files of main"
    assert lines[-3] == "  L1 gets s/a 1 d 8 h later: scheduled for another time"


def test_warnings_of_what_the_change_touches_come_one_by_one_and_others_in_a_line() -> None:
    never = [
        {"warning": "trigger_never_fired", "subject": name, "step_id": None, "amount": None}
        for name in ("other", "s", "third")
    ]
    wide = {"warning": "warmup_too_slow", "subject": "ada@acme.example", "step_id": None, "amount": 7}
    plan = plan_of(warnings=[*never, wide])
    told = [
        "nobody has ever fired the trigger of s",
        "the warm-up of ada@acme.example does not suffice: 7 mails still wait at the last tick",
        "2 more of sequences that this change leaves alone (other, third); --json has them",
    ]
    assert [line for line in report.as_text(plan) if line.startswith("warning: ")] == [
        f"warning: {words}" for words in told
    ]
    assert len([line for line in report.as_markdown(plan) if line.startswith("> **Warning:**")]) == 3
    assert len(report.as_json(plan)["warnings"]) == 4


def test_without_leads_a_plan_says_that_there_is_nobody() -> None:
    lines = report.as_text(plan_of(totals={**TOTALS, "leads": 0}))
    assert "No lead has landed by then, so there is nobody to get mail." in lines


def test_an_empty_plan_says_that_nothing_changes() -> None:
    nothing: dict[str, Any] = {name: [] for name in ("by_step", "entering", "at_once", "segments", "samples", "edits")}
    plan = plan_of(**nothing, displaced=[], warnings=[])
    assert plan.is_empty
    assert report.as_text(plan)[-4:] == [
        "files that differ",
        "  none",
        "",
        "Nothing changes for anybody: 9 mails, as before.",
    ]
    assert json.loads(json.dumps(report.as_json(plan), default=str))["is_empty"] is True


def test_what_others_wrote_is_text_in_markdown() -> None:
    lines = report.as_markdown(plan_of(samples=[mail(lead_id=HOSTILE)], base="*main*", problems=[HOSTILE]))
    told = "\n".join(lines)
    assert "<script>" not in told
    assert not re.search(r"(?<!\\)\[x", told)
    assert "@everyone" not in told
    [row] = [line for line in lines if "everyone" in line and line.startswith("| ")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert "- before: the files of \\*main\\*" in lines


def words_of_rules() -> set[str]:
    """Whatever the models may give as a reason of a step, an exit or a decision."""
    files = (
        "models/decide/steps/step_candidates.sql",
        "models/decide/steps/current_step_states.sql",
        "models/decide/enrollments/new_enrollment_decisions.sql",
        "macros/exits_of.sql",
    )
    text = "\n".join((DBT_PACKAGE / file).read_text(encoding="utf-8") for file in files)
    return set(re.findall(r"then '([a-z_]+)'", text))


@pytest.mark.parametrize("word", sorted(words_of_rules() - {"eligible", "skipped", "waiting", "enrolled", "control"}))
def test_every_reason_of_the_models_has_words(word: str) -> None:
    assert word in REASONS
