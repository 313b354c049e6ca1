"""Pipeline: latency from station to station, rejected rows, freshness."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console

_SQL = Path(__file__).with_suffix(".sql")
_STATIONS = ("occurred → received", "received → loaded", "loaded → due", "due → sent")


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Pipeline"):
        return
    _freshness(console)
    _latency(console)
    _rows(console)
    _rejected(console)


def _freshness(console: Console) -> None:
    st.subheader("Freshness: age of the newest at the tick")
    freshness = console.ask(_SQL, "freshness")
    parts.numbers(
        [
            (
                row["kind"].capitalize(),
                parts.duration(row["seconds"]) if row["newest_at"] else "none yet",
                f"the newest is of {parts.told(row['newest_at'])} UTC",
            )
            for row in freshness.iter_rows(named=True)
        ]
    )
    ticks = console.facts().get("ticks")
    if ticks:
        st.caption(
            f"The tick was recorded at {parts.told(ticks[0]['recorded_at'])} UTC by the wall clock:"
            f" {', '.join(ticks[0]['phases'])}."
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
    told = rows.with_columns(pl.col("seconds").map_elements(parts.duration, return_dtype=pl.String).alias("told"))
    charts.durations(told, seconds="seconds", told="told", time="as_of", colour="station")
    last = dict(rows.group_by("station").agg(pl.col("seconds").sort_by("as_of").last()).iter_rows())
    meaning = f"{measure} of the last tick that has one"
    parts.numbers([(one, parts.duration(last[one]), meaning) for one in _STATIONS if one in last])


def _rows(console: Console) -> None:
    st.subheader("Rows of landing files, by tick")
    rows = console.ask(_SQL, "rows").filter(pl.col("rows") > 0)
    if rows.is_empty():
        parts.nothing("No file has landed yet.")
        return
    charts.timed_counts(rows, charts.Number("rows", "Rows (log scale)", form="~s"), time="as_of", colour="kind")


def _rejected(console: Console) -> None:
    st.subheader("Rejected rows, lately")
    rejected = console.facts().get("rejected", [])
    if not rejected:
        parts.nothing("None: every row of the last week's files was taken.")
        return
    labels = {"kind": "Kind", "file": "File", "rows": "Rows", "line": "First line", "reason": "First reason"}
    parts.table(pl.DataFrame(rejected, infer_schema_length=None), labels)
