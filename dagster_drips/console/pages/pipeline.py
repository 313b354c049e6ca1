"""Pipeline: latency from station to station, rejected rows, freshness."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import polars as pl
import streamlit as st

from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console

_SQL = Path(__file__).with_suffix(".sql")


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Pipeline"):
        return
    _freshness(console)
    _latency(console)
    _rows(console)
    _rejected(console)


def _freshness(console: Console) -> None:
    st.subheader("Freshness")
    freshness = console.ask(_SQL, "freshness")
    parts.numbers(
        [
            (
                f"Newest of {row['kind']}",
                f"{parts.duration(row['seconds'])} before" if row["newest_at"] else "none yet",
                f"{parts.told(row['newest_at'])} UTC, against the tick's instant",
            )
            for row in freshness.iter_rows(named=True)
        ]
    )
    ticks = console.facts().get("ticks")
    if ticks:
        st.caption(
            f"The tick was recorded at {parts.told(ticks[0]['recorded_at'])} UTC by the wall clock: {', '.join(ticks[0]['phases'])}."
        )


def _latency(console: Console) -> None:
    st.subheader("Latency, from station to station")
    latency = console.ask(_SQL, "latency").filter(pl.col("seconds").is_not_null())
    if latency.is_empty():
        parts.nothing("No tick has loaded an event yet.")
        return
    measure = st.segmented_control(
        "Of each tick the …", ["median", "95th percentile"], default="median", key="measure", required=True
    )
    rows = latency.filter(pl.col("measure") == measure)
    charts.timed_lines(
        rows, charts.Number("seconds", "Seconds (log scale)", form="~s"), time="as_of", colour="station", log=True
    )
    last = rows.group_by("station", maintain_order=True).last()
    parts.numbers(
        [
            (row["station"], parts.duration(row["seconds"]), f"{measure} of the last tick that has one")
            for row in last.iter_rows(named=True)
        ]
    )


def _rows(console: Console) -> None:
    st.subheader("Rows of landing files, by tick")
    rows = console.ask(_SQL, "rows").filter(pl.col("rows") > 0)
    if rows.is_empty():
        parts.nothing("No file has landed yet.")
        return
    number = charts.Number("rows", "Rows (log scale)", form="~s")
    chart = (
        alt.Chart(rows)
        .mark_point(filled=True, size=45, opacity=0.9)
        .encode(
            x=alt.X("as_of:T", title="Tick (UTC)", axis=alt.Axis(format="%d %b %H:%M", labelOverlap=True, tickCount=4)),
            y=alt.Y("rows:Q", title=number.title, axis=number.axis(), scale=alt.Scale(type="log")),
            color=alt.Color("kind:N", legend=alt.Legend(orient="bottom", title=None)),
            shape=alt.Shape("kind:N", legend=None),
            tooltip=[
                alt.Tooltip("as_of:T", title="Tick (UTC)", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("kind:N", title="Rows that were"),
                alt.Tooltip("rows:Q", title="Rows", format=",d"),
            ],
        )
    )
    charts.show(chart)


def _rejected(console: Console) -> None:
    st.subheader("Rejected rows, lately")
    rejected = console.facts().get("rejected", [])
    if not rejected:
        parts.nothing("None: every row of the last week's files was taken.")
        return
    labels = {"kind": "Kind", "file": "File", "rows": "Rows", "line": "First line", "reason": "First reason"}
    parts.table(pl.DataFrame(rejected, infer_schema_length=None), labels)
