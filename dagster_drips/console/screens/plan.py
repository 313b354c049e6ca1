"""Plan: what `drips plan` found, as charts and tables. The plan is read from a file; none is made here."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import streamlit as st

from dagster_drips.clock import parse_instant
from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.reasons import REASONS

_DIFFERENCES = ("gains", "loses", "earlier", "later", "other_variant")


def show(console: Console) -> None:
    """The page."""
    st.title("Plan")
    if not console.plan.exists():
        parts.nothing(
            f"There is no plan at `{console.plan}`: `drips plan --json > plan.json` in the project's folder makes one,"
            " of the working files against what is live. It reads the warehouse, which this console never does."
        )
        return
    plan = _read(console)
    span = plan["span"]
    made = datetime.fromtimestamp(console.plan.stat().st_mtime, UTC)
    first, last = (parts.told(parse_instant(span[end])) for end in ("from", "to"))
    st.caption(
        f"against {plan['base']}: {span['ticks']} ticks from {first} to {last} UTC · made {parts.told(made)} UTC"
    )
    _told(console, plan)
    _totals(plan["totals"])
    _days(plan["days"])
    _steps(plan["by_step"])
    _people(plan)
    _samples(plan["samples"])


def _read(console: Console) -> dict[str, Any]:
    try:
        plan = json.loads(console.plan.read_text(encoding="utf-8"))
        return {name: plan[name] for name in ("base", "span", "edits", "totals", "by_step", "entering", "at_once")} | {
            name: plan[name]
            for name in ("displaced", "days", "segments", "samples", "warnings", "exceeded", "problems")
        }
    except OSError as error:
        raise DripsError(f"can't be read: {error.strerror}", file=console.plan) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DripsError("is no plan: `drips plan --json` prints one", file=console.plan) from error


def _told(console: Console, plan: dict[str, Any]) -> None:
    made = console.plan.stat().st_mtime
    if any(path.stat().st_mtime > made for path in console.project.sequences.rglob("*") if path.is_file()):
        st.warning("A sequence file was changed after this plan was made: make it again.", icon=":material/update:")
    for words in (*plan["problems"], *plan["exceeded"]):
        st.error(parts.literal(words))
    for row in plan["warnings"]:
        st.warning(parts.literal(row["message"]))
    if not plan["edits"]:
        parts.nothing("No file differs from the base.")
        return
    edits = [{**edit, "what": ", ".join(edit["what"] or [])} for edit in plan["edits"]]
    parts.table(pl.DataFrame(edits), {"change": "Change", "kind": "Kind", "name": "Name", "what": "What"})


def _totals(totals: dict[str, Any]) -> None:
    parts.numbers(
        [
            ("Mails before", parts.told(totals["base_mails"]), "by the base"),
            ("Mails after", parts.told(totals["working_mails"]), "by the working files"),
            ("Gained", parts.told(totals["gains"]), "mails that somebody gets and would not have got"),
            ("Lost", parts.told(totals["loses"])),
            ("Earlier", parts.told(totals["earlier"])),
            ("Later", parts.told(totals["later"])),
            ("Other variant", parts.told(totals["other_variant"])),
            ("People", parts.told(totals["people"]), "for whom anything differs"),
            ("New enrollments", parts.told(totals["new_enrollments"])),
        ]
    )


def _days(days: list[dict[str, Any]]) -> None:
    st.subheader("Mails a day")
    if not days:
        parts.nothing("Neither side sends a mail in these days.")
        return
    rows = [
        {"day": row["day"], "side": side, "mails": row[column]}
        for row in days
        for side, column in (("before", "base_mails"), ("after", "working_mails"))
    ]
    frame = pl.DataFrame(rows).with_columns(pl.col("day").str.to_date())
    charts.daily_lines(frame, charts.Number("mails", "Mails"), colour="side")


def _steps(steps: list[dict[str, Any]]) -> None:
    st.subheader("By step")
    if not steps:
        parts.nothing("No mail differs for anybody.")
        return
    rows = [
        {"step": f"{row['sequence_id']} · {row['step_id']}", "difference": name.replace("_", " "), "mails": row[name]}
        for row in steps
        for name in _DIFFERENCES
        if row[name]
    ]
    if rows:
        charts.ranked_bars(
            pl.DataFrame(rows), "step", "Step", charts.Number("mails", "Mails that differ"), colour="difference"
        )
    labels = {"sequence_id": "Sequence", "step_id": "Step", "base_mails": "Before", "working_mails": "After"}
    more = {name: name.replace("_", " ").capitalize() for name in _DIFFERENCES}
    parts.table(pl.DataFrame(steps, infer_schema_length=None), {**labels, **more})


def _people(plan: dict[str, Any]) -> None:
    for title, name, labels in (
        (
            "Who would enter, or stay out",
            "entering",
            {"sequence_id": "Sequence", "enter": "More enter", "stay_out": "Stay out"},
        ),
        (
            "Who would enter and exit at once",
            "at_once",
            {"sequence_id": "Sequence", "exit_reason": "Ended by", "people": "People"},
        ),
        (
            "Whom limits make wait",
            "displaced",
            {
                "displaced_by": "Limit",
                "sequence_id": "Sequence",
                "later": "Later",
                "not_in_these_days": "Not in these days",
            },
        ),
        (
            "Segments at the first tick",
            "segments",
            {
                "segment": "Segment",
                "base_members": "Before",
                "working_members": "After",
                "entered": "Entered",
                "left": "Left",
            },
        ),
    ):
        if plan[name]:
            st.subheader(title)
            frame = pl.DataFrame(plan[name], infer_schema_length=None)
            words = [column for column in ("exit_reason", "displaced_by") if column in frame.columns]
            parts.table(frame.with_columns(pl.col(word).replace(REASONS) for word in words), labels)


def _samples(samples: list[dict[str, Any]]) -> None:
    if not samples:
        return
    st.subheader("For example")
    frame = pl.DataFrame(samples, infer_schema_length=None)
    parts.table(frame, {"lead_id": "Lead", "what": "What changes", "before": "Before", "after": "After"})
