"""Sequences: all of them at a glance, and one in full."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import polars as pl
import streamlit as st

from dagster_drips.console import charts, parts
from dagster_drips.console.editing import editor
from dagster_drips.console.state import Console
from dagster_drips.pipeline.reasons import REASONS

_SQL = Path(__file__).with_suffix(".sql")
_RATES = (
    "open_rate",
    "click_rate",
    "click_to_open_rate",
    "bounce_rate",
    "conversion_rate",
    "unsubscribe_rate",
    "complaint_rate",
)
_STATES = {
    "sent": "#2563eb",
    "skipped": "#94a3b8",
    "failed": "#dc2626",
    "in doubt": "#f59e0b",
    "due": "#0d9488",
    "waiting": "#7dd3fc",
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Sequences"):
        return
    everything = console.ask(_SQL, "all")
    if everything.is_empty():
        parts.nothing(
            "No tick has seen a sequence yet: `drips new sequence NAME` writes a draft, and `drips run` takes it."
        )
        return
    parts.table(
        everything,
        {
            "sequence_id": "Sequence",
            "status": "Status",
            "enrolled": "Active",
            "completed": "Completed",
            "exited": "Exited",
            "sent": "Sent",
            "open_rate": "Open rate",
            "click_rate": "Click rate",
            "bounce_rate": "Bounce rate",
            "conversion_rate": "Conversion rate",
            "net_revenue": "Net revenue",
            "currency": "Currency",
        },
        shares=_RATES,
    )
    sequence = parts.chosen("Sequence", everything["sequence_id"].to_list(), key="sequence")
    assert sequence is not None
    _facts(console, sequence)
    _steps(console, sequence)
    _people(console, sequence)
    _cohorts(console, sequence)
    _hours(console, sequence)
    _variants(console, sequence)
    editor(console, sequence)


def _facts(console: Console, sequence: str) -> None:
    row = console.ask(_SQL, "one", sequence=sequence).row(0, named=True)
    st.subheader(row["name"] or sequence)
    opened = f", open since {parts.told(row['opens_at'])} UTC" if row["opens_at"] else ""
    st.caption(f"{row['status']}, its file is {row['file_state'] or 'gone'}{opened}")
    parts.numbers(
        [
            ("Enrolled ever", parts.told(row["enrolled_total"]), "enrollments of both arms"),
            ("Active", parts.told(row["enrolled"]), "still on their way"),
            ("Completed", parts.told(row["completed"])),
            ("Exited", parts.told(row["exited"]), "ended early, by a reason"),
            ("Sent", parts.told(row["sent"]), "messages that a server took"),
            ("Open rate", parts.told(row["open_rate"], share=True), "opened by a person, of delivered and tracked"),
            ("Click rate", parts.told(row["click_rate"], share=True), "clicked by a person, of delivered and tracked"),
            (
                "Conversion rate",
                parts.told(row["conversion_rate"], share=True),
                "people who converted, of those whose version had a goal",
            ),
        ]
    )


def _steps(console: Console, sequence: str) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("**Steps in time**")
        timeline = console.ask(_SQL, "timeline", sequence=sequence)
        if timeline.is_empty():
            parts.nothing("Its file is gone, or has no steps that a tick has taken.")
        else:
            _timeline(timeline)
    with right:
        st.markdown("**What became of each step**")
        states = console.ask(_SQL, "states", sequence=sequence)
        if states.is_empty():
            parts.nothing("Nobody has come to a step yet: nobody is enrolled, or all are control.")
        else:
            _funnel(states)
    steps = console.ask(_SQL, "steps", sequence=sequence)
    if not steps.is_empty():
        labels = {"position": "No.", "step": "Step", "variant": "Variant", "sent": "Sent", "delivered": "Delivered"}
        rates = {name: name.replace("_", " ").capitalize() for name in steps.columns if name.endswith("_rate")}
        parts.table(steps, {**labels, **rates}, shares=_RATES)


def _timeline(timeline: pl.DataFrame) -> None:
    order = timeline["step"].to_list()
    base = charts.marks(timeline).encode(
        y=alt.Y("step:N", sort=order, title="Step", axis=alt.Axis(labelLimit=150)),
        tooltip=[
            alt.Tooltip("step:N", title="Step"),
            alt.Tooltip("days:Q", title="Days after the trigger", format=".3~f"),
            alt.Tooltip("conditions:N", title="Conditions"),
            alt.Tooltip("expires_after_days:Q", title="Expires after, days", format=".3~f"),
        ],
    )
    x = alt.X("days:Q", title="Earliest, days after the trigger", axis=alt.Axis(tickCount=6))
    waits = base.mark_rule(strokeWidth=2, opacity=0.6, color=charts.FIRST).encode(x=x, x2="from_days:Q")
    points = base.mark_point(filled=True, size=90, opacity=1, color=charts.FIRST).encode(x=x)
    charts.show(alt.layer(waits, points), height=charts.tall(len(order)))


def _funnel(states: pl.DataFrame) -> None:
    ordered = states.sort("position").with_columns(pl.col("state").replace("in_doubt", "in doubt"))
    there = ordered["state"].to_list()
    colours = {state: colour for state, colour in _STATES.items() if state in there}
    charts.ranked_bars(ordered, "step", "Step", charts.Number("steps", "Enrollments"), colour="state", colours=colours)


def _people(console: Console, sequence: str) -> None:
    st.subheader("Who waits, and for what")
    waiting = console.ask(_SQL, "waiting", sequence=sequence)
    if waiting.is_empty():
        parts.nothing("Nobody waits: no enrollment is active.")
    else:
        parts.table(
            waiting.with_columns(
                pl.col("reason").replace(REASONS).fill_null(pl.col("state").replace("in_doubt", "in doubt"))
            ),
            {
                "step": "Step",
                "reason": "Waits for",
                "people": "Enrollments",
                "first_scheduled_at": "First scheduled (UTC)",
            },
        )
    left, right = st.columns(2)
    with left:
        st.markdown("**Why occurrences were not enrolled**")
        refused = console.ask(_SQL, "not_enrolled", sequence=sequence)
        if refused.is_empty():
            parts.nothing("Every occurrence of its trigger was enrolled, or none was judged yet.")
        else:
            named = refused.with_columns(pl.col("reason").replace(REASONS))
            charts.ranked_bars(named, "reason", "Reason", charts.Number("occurrences", "Occurrences"))
    with right:
        st.markdown("**Why enrollments ended early**")
        exits = console.ask(_SQL, "exits", sequence=sequence)
        if exits.is_empty():
            parts.nothing("No enrollment has exited.")
        else:
            named = exits.with_columns(pl.col("reason").replace(REASONS))
            charts.ranked_bars(named, "reason", "Reason", charts.Number("enrollments", "Enrollments"))


def _cohorts(console: Console, sequence: str) -> None:
    st.subheader("Cohorts")
    cohorts = console.ask(_SQL, "cohorts", sequence=sequence)
    if cohorts.is_empty():
        parts.nothing("Nobody of the treatment arm was enrolled in the last 16 weeks.")
        return
    measure = st.segmented_control(
        "Share of the enrolled who have …",
        ["converted", "completed", "exited"],
        default="converted",
        key="cohorts",
        required=True,
    )
    told = cohorts.filter(pl.col(measure).is_not_null())
    if told.is_empty():
        parts.nothing("The sequence has no goal, so nobody converts.")
        return
    charts.heat_map(
        told,
        ("age", "week"),
        ("Days since enrollment", "Week from"),
        charts.Number(measure, f"Share {measure}", is_share=True),
        order=told["week"].unique(maintain_order=True).to_list(),
        more=(charts.Number("enrolled", "Enrolled"),),
    )


def _hours(console: Console, sequence: str) -> None:
    st.subheader("Open rate by hour of sending (UTC)")
    hours = console.ask(_SQL, "hours", sequence=sequence)
    if hours.is_empty():
        parts.nothing("No hour has five delivered messages that are tracked.")
        return
    charts.heat_map(
        hours,
        ("hour", "weekday"),
        ("Hour of the day", "Weekday"),
        charts.Number("open_rate", "Open rate", is_share=True),
        order=_WEEKDAYS,
        more=(charts.Number("delivered", "Delivered"),),
    )


def _variants(console: Console, sequence: str) -> None:
    st.subheader("Variants")
    variants = console.ask(_SQL, "variants", sequence=sequence)
    if variants.is_empty():
        parts.nothing("No step with variants has a delivered message that is tracked.")
        return
    for column, measure in zip(st.columns(2), ("open rate", "click rate"), strict=True):
        with column:
            rows = variants.filter(pl.col("measure") == measure)
            charts.intervals(rows, "variant", "Variant", ("rate", "low", "high"), measure.capitalize())
    st.caption(
        "Intervals that overlap much say nothing yet. Whether a variant is better by its goal is on the page"
        " Experiments."
    )
