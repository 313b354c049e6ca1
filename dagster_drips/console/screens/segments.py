"""Segments: size over time, who entered and left, overlap."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console

_SQL = Path(__file__).with_suffix(".sql")


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Segments"):
        return
    now = console.ask(_SQL, "now")
    if now.is_empty():
        parts.nothing(
            "No segment has had a member: a segment is an SQL file in `dbt_project/models/segments/`,"
            " and `drips new segment NAME` writes one."
        )
        return
    parts.table(now, {"segment": "Segment", "members": "Members", "entered": "Entered, 7 days", "gone": "Left, 7 days"})
    st.subheader("Members at the end of each day")
    charts.daily_lines(console.ask(_SQL, "sizes"), charts.Number("members", "Members"), colour="segment")
    st.subheader("Who entered and left")
    segment = parts.chosen("Segment", now["segment"].to_list(), key="segment")
    changes = console.ask(_SQL, "changes", segment=segment)
    if changes.is_empty() or not (changes["leads"] != 0).any():
        parts.nothing("Nobody entered or left it in 180 days, its first day aside.")
    else:
        st.caption("Without its first day, on which everybody who was a member then entered.")
        charts.daily_bars(changes, charts.Number("leads", "Leads"), colour="change")
    st.subheader("Overlap")
    overlap = console.ask(_SQL, "overlap")
    if overlap["segment"].n_unique() < 2:
        parts.nothing("Fewer than two segments have members now.")
        return
    charts.heat_map(
        overlap,
        ("other", "segment"),
        ("is in this one, too", "Of the members of"),
        charts.Number("share", "Share of the members", is_share=True),
        more=(charts.Number("leads", "Leads in both"),),
    )
