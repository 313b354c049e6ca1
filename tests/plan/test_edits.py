"""Each edit of the files gives exactly the set difference of two replays, and touches whom it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dagster_drips.plan.comparing import Plan, read_plan
from plan.conftest import Planned
from plan.world import PROJECT, SPAN, World, sends_of

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Edit:
    """One thing that somebody does to the files, and what of it must show.

    Args:
        do: does it.
        shows: kinds of differences that there must be; of mails, `enters`, `stays_out`, `at_once`, `segments`.
        warns: the warning that it must bring.
    """

    do: Callable[[World], None]
    shows: tuple[str, ...] = ()
    warns: str | None = None


def text(sequence: str, *replacements: tuple[str, str]) -> Callable[[World], None]:
    def do(world: World) -> None:
        file = world.project.sequences / sequence
        file = file / "sequence.yml" if file.is_dir() else file
        written = file.read_text()
        for old, new in replacements:
            assert old in written
            written = written.replace(old, new, 1)
        file.write_text(written)

    return do


def more(sequence: str, lines: str) -> Callable[[World], None]:
    """Keys at the end of a file."""

    def do(world: World) -> None:
        file = world.project.sequences / sequence / "sequence.yml"
        file.write_text(file.read_text() + lines + "\n")

    return do


def project(*replacements: tuple[str, str]) -> Callable[[World], None]:
    return text("project.yml", *replacements)


def segment(name: str, sql: str) -> Callable[[World], None]:
    def do(world: World) -> None:
        (world.project.segments / f"{name}.sql").write_text(sql + "\n")
        world.transform.forget()

    return do


def senders(lines: str) -> Callable[[World], None]:
    def do(world: World) -> None:
        (world.project.sequences / "senders.yml").write_text(lines)

    return do


def gone(sequence: str) -> Callable[[World], None]:
    def do(world: World) -> None:
        for file in (world.project.sequences / sequence).iterdir():
            file.unlink()
        (world.project.sequences / sequence).rmdir()

    return do


NEW = """
status: active
trigger: {event: used}
reentry: after_exit
steps: [{id: only, subject: Used, template: mail.html}]
"""
TIPS = "{id: tips, delay: {hours: 8}, subject: Tips, template: mail.html}"
HELLO = "{id: hello, subject: Hello, template: mail.html}"
STEP = "  - {id: extra, delay: {hours: 4}, subject: Extra, template: mail.html}\n"
CAP = "frequency_cap: {messages: 3, per: {days: 1}}\n"
THROTTLE = "max_per_tick: 16\n"
WARM = """
senders:
  ada: {email: ada@acme.example, warmup: {start: 5, growth: 1.1}}
"""

EDITS = {
    "delay longer": Edit(text("welcome", ("delay: {hours: 8}", "delay: {hours: 16}")), ("later",)),
    "delay shorter": Edit(text("welcome", ("delay: {hours: 16}", "delay: {hours: 8}")), ("earlier",)),
    "first step delayed": Edit(text("welcome", ("{id: hello,", "{id: hello, delay: {hours: 3},")), ("later",)),
    "after the trigger": Edit(
        text("welcome", ("delay: {hours: 16},", "delay: {hours: 17}, after: trigger,")), ("earlier",)
    ),
    "step out": Edit(text("welcome", (f"  - {TIPS}\n", "")), ("loses", "earlier")),
    "step in": Edit(text("welcome", (f"  - {TIPS}\n", f"  - {TIPS}\n{STEP}")), ("gains",)),
    "step in at the end": Edit(more("welcome", STEP.rstrip()), ("gains",)),
    "step renamed": Edit(text("welcome", ("id: tips", "id: hints")), ("gains", "loses")),
    "steps swapped": Edit(text("welcome", (HELLO, "@"), (TIPS, HELLO), ("@", TIPS)), ("later",)),
    "subject alone": Edit(text("welcome", ("subject: Tips", "subject: Better tips"))),
    "window of a sequence": Edit(text("cart", ('end: "20:00"', 'end: "10:00"')), ("later",)),
    "window of some days": Edit(text("cart", ("send_window: {", "send_window: {days: [wed, thu], ")), ("later",)),
    "window of leads": Edit(text("cart", ('end: "20:00"', 'end: "20:00", timezone: lead')), ("later",)),
    "window never opens": Edit(
        text("cart", ('start: "06:00", end: "20:00"', 'days: [sun], start: "06:00", end: "20:00"')),
        ("loses",),
        warns="window_never_opens",
    ),
    "window of all": Edit(project(("timezone", 'send_window: {start: "08:00", end: "12:00"}\ntimezone')), ("later",)),
    "timezone of the project": Edit(project(("Europe/Berlin", "Asia/Tokyo")), ("later",)),
    "cap tighter": Edit(project(("messages: 3", "messages: 1")), ("later", "displaced")),
    "cap gone": Edit(project((CAP, "")), ("earlier",)),
    "throttle tighter": Edit(
        project((THROTTLE, "max_per_tick: 5\n")), ("later", "displaced"), warns="throttle_too_slow"
    ),
    "throttle gone": Edit(project((THROTTLE, ""))),
    "warm-up": Edit(senders(WARM), ("loses", "displaced"), warns="warmup_too_slow"),
    "priority": Edit(
        text("cart", ("status: active", "status: active\npriority: 90")),
        ("later", "displaced"),
    ),
    "transactional": Edit(text("cart", ("status: active", "status: active\ntransactional: true"))),
    "holdout": Edit(text("welcome", ("status: active", "status: active\nholdout: 0.5")), ("loses",)),
    "rollout of a sequence": Edit(text("welcome", ("status: active", "status: active\nrollout: 0.4")), ("loses",)),
    "rollout of a step": Edit(text("welcome", ("id: tips,", "id: tips, rollout: 0.3,")), ("loses",)),
    "holdout of the project": Edit(project(("timezone", "holdout: 0.4\ntimezone")), ("loses",)),
    "trigger of another event": Edit(text("welcome", ("{event: signup}", "{event: cart}")), ("loses", "stays_out")),
    "trigger with a where": Edit(
        text("welcome", ("{event: signup}", "{event: signup, where: {plan: pro}}")), ("stays_out",)
    ),
    "trigger without its where": Edit(text("cart", (", where: {kind: big}", "")), ("gains", "enters")),
    "trigger that never fires": Edit(
        text("welcome", ("{event: signup}", "{event: sign_up}")), ("loses",), warns="trigger_never_fired"
    ),
    "trigger by segment": Edit(
        text("welcome", ("{event: signup}", "{segment_entered: germans, include_existing: true}")),
        ("loses", "stays_out"),
    ),
    "lookback": Edit(
        lambda world: world.write("late", NEW.replace("{event: used}", "{event: used, lookback: {days: 9}}")),
        ("gains", "enters"),
    ),
    "trigger's age": Edit(
        text("welcome", ("{event: signup}", "{event: signup, trigger_max_age: {hours: 3}}")), ("stays_out",)
    ),
    "active from later": Edit(
        text("welcome", ("status: active", "status: active\nactive_from: 2026-03-04")), ("stays_out",)
    ),
    "reentry": Edit(text("welcome", ("status: active", "status: active\nreentry: {hours: 1}"))),
    "segment included": Edit(text("welcome", ("steps:", "segments: {include: [germans]}\nsteps:")), ("stays_out",)),
    "segment excluded": Edit(text("welcome", ("steps:", "segments: {exclude: [germans]}\nsteps:")), ("stays_out",)),
    "segment not excluded": Edit(text("cart", ("segments: {exclude: [customers]}\n", ""))),
    "exit event": Edit(text("welcome", ("goal:", "exit_on: {events: [cart]}\ngoal:")), ("loses",)),
    "exit that comes at once": Edit(
        text(
            "cart",
            ("segments: {exclude: [customers]}", "segments: {exclude: [customers]}\nexit_on: {events: [bought, used]}"),
            ("{event: cart, where: {kind: big}}", "{event: signup}"),
        ),
        ("at_once",),
    ),
    "exit by segments": Edit(
        text("welcome", ("goal:", "segments: {include: [germans]}\nexit_on: {leaves_segments: true}\ngoal:")),
        ("loses",),
    ),
    "goal gone": Edit(text("welcome", ("goal: {event: bought}\n", ""))),
    "expires at once": Edit(
        text("cart", ("expires_after: {days: 3}", "expires_after: {hours: 1}")), ("loses",), warns="always_expires"
    ),
    "condition": Edit(text("welcome", ("subject: Tips", "only_if: {event: cart}, subject: Tips")), ("loses",)),
    "condition gone": Edit(text("welcome", (" unless: {event: used},", "")), ("gains",)),
    "variant's weight": Edit(text("cart", ("id: b,", "id: b, weight: 0,")), ("other_variant",)),
    "variant more": Edit(
        text(
            "cart", ("      - {id: b,", "      - {id: c, weight: 3, subject: C, template: mail.html}\n      - {id: b,")
        ),
        ("other_variant",),
    ),
    "paused": Edit(text("welcome", ("status: active", "status: paused")), ("loses",)),
    "archived": Edit(text("welcome", ("status: active", "status: archived")), ("loses",)),
    "draft made active": Edit(text("news", ("status: draft", "status: active")), ("gains", "enters")),
    "file deleted": Edit(gone("welcome"), ("loses",)),
    "sequence new": Edit(lambda world: world.write("new", NEW), ("gains", "enters")),
    "file with a mistake": Edit(text("welcome", ("trigger:", "triger:"))),
    "segment larger": Edit(
        segment("vip", "select distinct lead_id from {{ ref('stg_events') }} where event = 'used'"), ("segments",)
    ),
    "segment three times as large": Edit(
        segment("vip", "select lead_id from {{ ref('stg_leads') }}"), ("segments", "enters"), warns="segment_triples"
    ),
    "segment that fails": Edit(
        segment("customers", "select lead_id form {{ ref('stg_events') }}"), ("segments", "loses")
    ),
}
NOTHING = {"subject alone", "file with a mistake", "segment not excluded"}
"""Nobody fills a cart who has bought."""


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_gives_exactly_the_difference_of_two_replays(name: str, planned: Planned) -> None:
    edit, world = EDITS[name], planned.world
    with world.edited():
        edit.do(world)
        working, report = world.side()
    with world.comparison(planned.base, working) as comparison:
        found = read_plan(comparison, base="live", span=SPAN, edits=[], problems=report.problems)
        mails = comparison.rows("select * from plan.mails")
    files = {"base": planned.base, "working": working}
    rows = {side: {_row(send) for send in sends_of(file)} for side, file in files.items()}
    for side, other in (("base", "working"), ("working", "base")):
        told = {_row_of_side(mail, side) for mail in mails if mail[f"{side}_message_id"]}
        # A mail that moves is on both sides: what is the same of it on both is no difference of rows.
        assert told == rows[side] - rows[other]
    assert {warning["warning"] for warning in found.warnings} >= ({edit.warns} if edit.warns else set())
    assert set(edit.shows) <= _shown(found)
    assert found.is_empty == (name in NOTHING)
    assert bool(report.problems) == (name in ("file with a mistake", "segment that fails"))
    assert {
        (mail["base_state"] == "sent", mail["working_state"] == "sent") for mail in mails if mail["change"] == "gains"
    } <= {(False, True)}
    assert all(mail["base_reason"] or mail["base_state"] != "not_enrolled" for mail in mails)


def test_there_are_enough_edits_and_each_is_one() -> None:
    assert len(EDITS) >= 40
    assert PROJECT.count(CAP) == PROJECT.count(THROTTLE) == 1


def _row(send: dict) -> tuple:
    return send["message_id"], send["as_of"], send["variant_id"], send["sequence_id"], send["step_id"], send["lead_id"]


def _row_of_side(mail: dict, side: str) -> tuple:
    own = (mail[f"{side}_{column}"] for column in ("message_id", "as_of", "variant_id"))
    return *own, mail["sequence_id"], mail["step_id"], mail["lead_id"]


def _shown(found: Plan) -> set[str]:
    totals = {key for key in ("gains", "loses", "earlier", "later", "other_variant") if found.totals[key]}
    entering = {
        word for row in found.entering for word, key in (("enters", "enter"), ("stays_out", "stay_out")) if row[key]
    }
    lists = {name for name in ("at_once", "displaced", "segments") if getattr(found, name)}
    return totals | entering | lists
