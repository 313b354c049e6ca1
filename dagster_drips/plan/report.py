"""A plan in words: as text for a terminal, and as Markdown for a pull request's comment.

Only telling belongs here. People go by their `lead_id`: their addresses stand in the Parquet files alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from dagster_drips.clock import format_instant
from dagster_drips.pipeline.reasons import REASONS
from dagster_drips.plan.comparing import Plan
from dagster_drips.plan.trees import LIVE

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_CHANGES = {
    "gains": "newly gets {}",
    "loses": "no longer gets {} in these days",
    "other_variant": "gets another variant of {}",
}
_STATES = {
    "skipped": "the step is skipped: {}",
    "exited": "leaves the sequence before it: {}",
    "waiting": "still waits for {}",
    "not_enrolled": "doesn't enter the sequence: {}",
    "not_running": "{}",
    "later": "not in these days",
    "control": "held out of the sequence, to compare (E8)",
    "completed": "the sequence ends without it (M1)",
    "no_step": "the sequence has no such step",
    "not_judged": "hasn't entered the sequence yet (E3, E9)",
    "not_triggered": "nothing triggers the sequence (E1)",
}
_PREPOSITIONS = {"waiting": "since", "later": "it is scheduled for"}
_MOVED_BY = {
    "trigger": "triggered at another time",
    "schedule": "scheduled for another time",
    "window": "the send window",
}
_WARNINGS = {
    "segment_triples": "segment {subject} is three times as large or more: {amount} people",
    "window_never_opens": "the send window of {subject} is open at no tick of this plan: it never opens, or --every is"
    " too coarse for it",
    "trigger_never_fired": "nobody has ever fired the trigger of {subject}",
    "always_expires": "step {step_id} of {subject} expires each time before it may go out ({amount} times): its"
    " expires_after always wins",
    "warmup_too_slow": "the warm-up of {subject} does not suffice: {amount} mails still wait at the last tick",
    "throttle_too_slow": "the throttle of {subject} does not suffice: {amount} mails still wait at the last tick",
}
_OF_SEQUENCES = ("window_never_opens", "trigger_never_fired", "always_expires")
"""Warnings whose subject is a sequence; the others' are segments, which differ, and senders, whose limits all share."""
_MOST_STEPS = 40
_TITLE = "What these files would change for people"
_STEP_HEAD = ("sequence/step", "before", "after", "gained", "lost", "earlier", "later", "other variant")


def as_json(plan: Plan) -> dict[str, Any]:
    """Everything a plan found, for scripts; times as the contract spells them."""
    found = asdict(plan)
    span = plan.span
    found["span"] = {
        "from": format_instant(span.start),
        "to": format_instant(span.instants()[-1]),
        "every_seconds": int(span.every.total_seconds()),
        "ticks": len(span.instants()),
    }
    found["warnings"] = [{**row, "message": warning_in_words(row)} for row in plan.warnings]
    found["samples"] = [
        {**row, "what": _change(row), "before": _fate(row, "base"), "after": _fate(row, "working")}
        for row in plan.samples
    ]
    found["summary"] = " ".join(_summary(plan))
    found["is_empty"] = plan.is_empty
    return found


def as_text(plan: Plan) -> list[str]:
    """The lines that a person reads on a terminal."""
    lines = [f"{_TITLE}: the plan", *(f"  {line}" for line in _sides(plan))]
    lines += ["", "files that differ", *([f"  {line}" for line in _edits(plan)] or ["  none"])]
    lines += ["", *_summary(plan)]
    lines += [f"warning: {line}" for line in _warnings(plan)]
    lines += [f"exceeded: {words}" for words in plan.exceeded]
    if plan.by_step:
        rows = [_step_cells(row) for row in plan.by_step]
        lines += ["", "mails by sequence and step", *(f"  {line}" for line in _columns(_STEP_HEAD, rows))]
    for heading, told in (
        ("entering", _entering(plan)),
        ("enter and exit at once", _at_once(plan)),
        ("displaced by limits", _displaced(plan)),
        ("segments", _segments(plan)),
    ):
        lines += ["", heading, *(f"  {line}" for line in told)] if told else []
    if not plan.is_empty:
        rows = [_day_cells(row) for row in plan.days]
        lines += ["", "mails a day", *(f"  {line}" for line in _columns(("day", "before", "after"), rows))]
    if plan.samples:
        lines += ["", f"for example, by lead_id ({_how_many(plan)})"]
        for row in plan.samples:
            lines += [f"  {row['lead_id']} {_change(row)}"]
            lines += [f"    before: {_fate(row, 'base')}", f"    after:  {_fate(row, 'working')}"]
    return lines


def as_markdown(plan: Plan) -> list[str]:
    """The same as a comment; lists that grow are folded."""
    lines = [f"### {_TITLE}", "", *(f"**{_escaped(line)}**" for line in _summary(plan)), ""]
    lines += [f"> **Exceeded:** {_escaped(words)}" for words in plan.exceeded]
    lines += [f"> **Warning:** {_escaped(line)}" for line in _warnings(plan)]
    lines += [f"> **Error:** {_escaped(problem)}" for problem in plan.problems]
    lines += ["", *(f"- {_escaped(line)}" for line in _sides(plan)), "", "**Files that differ**", ""]
    lines += [*([f"- {_escaped(line)}" for line in _edits(plan)] or ["None."]), ""]
    if plan.by_step:
        rows = [_step_cells(row) for row in plan.by_step]
        lines += ["**Mails by sequence and step**", "", *_table(_STEP_HEAD, rows), ""]
    for heading, told in (
        ("Entering", _entering(plan)),
        ("Enter and exit at once", _at_once(plan)),
        ("Displaced by limits", _displaced(plan)),
        ("Segments", _segments(plan)),
    ):
        lines += [f"**{heading}**", "", *(f"- {_escaped(line)}" for line in told), ""] if told else []
    if not plan.is_empty:
        lines += _folded("Mails a day", _table(("day", "before", "after"), [_day_cells(row) for row in plan.days]))
    if plan.samples:
        rows = [(row["lead_id"], _change(row), _fate(row, "base"), _fate(row, "working")) for row in plan.samples]
        lines += _folded(
            f"For example ({_how_many(plan)}), and why", _table(("lead", "what changes", "before", "after"), rows)
        )
    return lines


def warning_in_words(row: dict[str, Any]) -> str:
    """One warning as a sentence."""
    return _WARNINGS[row["warning"]].format(**row)


def _sides(plan: Plan) -> list[str]:
    """What is compared, and how: for whoever has never seen a plan."""
    instants = plan.span.instants()
    before = "what is live: the files as the last tick saw them" if plan.base == LIVE else f"the files of {plan.base}"
    first, last, every = _short(instants[0]), _short(instants[-1]), _span(plan.span.every)
    return [
        f"before: {before}",
        "after: the working files",
        f"days: both lived from {first} to {last} UTC, a tick every {every}, on the data of now; nothing was sent",
    ]


def _warnings(plan: Plan) -> list[str]:
    """One line each of what the change touches; of all else one line."""
    touched = _touched(plan)
    others = [row for row in plan.warnings if row["warning"] in _OF_SEQUENCES and row["subject"] not in touched]
    told = [warning_in_words(row) for row in plan.warnings if row not in others]
    if others:
        names = ", ".join(sorted({row["subject"] for row in others}))
        told.append(f"{len(others)} more of sequences that this change leaves alone ({names}); --json has them")
    return told


def _touched(plan: Plan) -> set[str]:
    """Sequences whose own file differs, or whose mails or people do."""
    edited = {edit["name"] for edit in plan.edits if edit["kind"] == "sequence"}
    return edited | {row["sequence_id"] for row in (*plan.by_step, *plan.entering, *plan.at_once)}


def _how_many(plan: Plan) -> str:
    shown, all_ = len(plan.samples), plan.totals["people"]
    return f"{shown} of {all_} people" if shown < all_ else f"{shown} people" if shown > 1 else "one person"


def _edits(plan: Plan) -> list[str]:
    found = []
    for edit in plan.edits:
        what = f": {', '.join(edit['what'])}" if edit["what"] else ""
        found.append(f"{_SIGNS[edit['change']]} {edit['kind']} {edit['name']}{what}")
    return found


def _summary(plan: Plan) -> list[str]:
    totals = plan.totals
    if not totals["leads"]:
        return ["No lead has landed by then, so there is nobody to get mail."]
    if plan.is_empty:
        return [f"Nothing changes for anybody: {totals['working_mails']} mails, as before."]
    counts = [
        (totals["gains"], "gained"),
        (totals["loses"], "lost"),
        (totals["earlier"], "earlier"),
        (totals["later"], "later"),
        (totals["other_variant"], "in another variant"),
    ]
    told = ", ".join(f"{number} {word}" for number, word in counts if number) or "no mail differs"
    people = f" ({totals['people']} people)" if totals["people"] else ""
    return [f"Mails {totals['base_mails']} → {totals['working_mails']}: {told}{people}."]


def _entering(plan: Plan) -> list[str]:
    return [
        f"{row['sequence_id']}: "
        + ", ".join(
            f"{row[key]} {word}" for key, word in (("enter", "more enter"), ("stay_out", "stay out")) if row[key]
        )
        for row in plan.entering
    ]


def _at_once(plan: Plan) -> list[str]:
    return [f"{row['sequence_id']}: {row['people']} people, {_reason(row['exit_reason'])}" for row in plan.at_once]


def _displaced(plan: Plan) -> list[str]:
    found = []
    for row in plan.displaced:
        parts = ((row["later"], "later"), (row["not_in_these_days"], "not in these days"))
        counts = ", ".join(f"{number} {words}" for number, words in parts if number)
        untouched = "" if row["sequence_change"] else ", which nobody edited"
        found.append(f"{_reason(row['displaced_by'])}: {counts} of {row['sequence_id']}{untouched}")
    return found


def _segments(plan: Plan) -> list[str]:
    found = []
    for row in plan.segments:
        before, after = ("no result" if row[key] is None else row[key] for key in ("base_members", "working_members"))
        found.append(f"{row['segment']}: {before} → {after} ({row['entered']} entered, {row['left']} left)")
    return found


def _step_cells(row: dict[str, Any]) -> tuple[str, ...]:
    name = f"{row['sequence_id']}/{row['step_id']}"
    keys = ("base_mails", "working_mails", "gains", "loses", "earlier", "later", "other_variant")
    return (name, *(str(row[key]) for key in keys))


def _day_cells(row: dict[str, Any]) -> tuple[str, ...]:
    return f"{row['day']:%Y-%m-%d}", str(row["base_mails"]), str(row["working_mails"])


def _change(row: dict[str, Any]) -> str:
    mail = f"{row['sequence_id']}/{row['step_id']}"
    if row["change"] != "moves":
        return _CHANGES[row["change"]].format(mail)
    moved = row["working_as_of"] - row["base_as_of"]
    direction = "earlier" if moved < timedelta() else "later"
    cause = _MOVED_BY.get(row["moved_by"]) or _reason(row["moved_by"])
    return f"gets {mail} {_span(abs(moved))} {direction}: {cause}"


def _fate(row: dict[str, Any], side: str) -> str:
    state, reason, at = (row[f"{side}_{key}"] for key in ("state", "reason", "at"))
    if state == "sent":
        variant = row[f"{side}_variant_id"]
        return f"sent on {_short(at)}" + (f", variant {variant}" if variant else "")
    told = _STATES[state].format(_reason(reason) if reason else "")
    return f"{told}, {_PREPOSITIONS.get(state, 'on')} {_short(at)}" if at else told


def _reason(reason: str) -> str:
    if reason.startswith("segment "):
        return f"{reason} has no result (E5)"
    return REASONS.get(reason, reason)


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or f"{span.total_seconds():.0f} s"


def _short(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    shown = [head, *rows[:_MOST_STEPS]]
    widths = [max(len(row[place]) for row in shown) for place in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in shown
    ]
    return lines if len(rows) <= _MOST_STEPS else [*lines, f"… and {len(rows) - _MOST_STEPS} more"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [
        _row(head),
        _row(["---"] * len(head)),
        *(_row([_escaped(cell) for cell in row]) for row in rows[:_MOST_STEPS]),
    ]
    return lines if len(rows) <= _MOST_STEPS else [*lines, "", f"… and {len(rows) - _MOST_STEPS} more"]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _folded(summary: str, lines: list[str]) -> list[str]:
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def _escaped(text: str) -> str:
    """A text that others wrote, such as a lead's id, as nothing but text."""
    for mark in ("\\", "`", "*", "_", "[", "]", "<", ">", "|", "#", "@", "!"):
        text = text.replace(mark, f"&#{ord(mark)};" if mark in "<>|@" else f"\\{mark}")
    return " ".join(text.split())
