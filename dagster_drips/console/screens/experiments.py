"""Experiments: holdouts and variants, each arm beside what it is compared with."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console

_SQL = Path(__file__).with_suffix(".sql")
_BROKEN = 0.001
_KINDS = {
    "holdout": "Holdouts of sequences: what does the mail bring?",
    "project_holdout": "Holdout of the project: what does all mail bring?",
    "variants": "Variants against each other",
    "variants_against_control": "Variants against control",
}


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Experiments"):
        return
    kinds = console.ask(_SQL, "kinds")["experiment"].to_list()
    if not kinds:
        parts.nothing("No experiment runs: set `holdout` of a sequence, or give a step `variants`.")
        return
    for kind in sorted(kinds, key=list(_KINDS).index):
        st.subheader(_KINDS[kind])
        _results(console.ask(_SQL, "results", experiment=kind))


def _results(results: pl.DataFrame) -> None:
    broken = results.filter(pl.col("srm_p_value") < _BROKEN)
    for row in broken.unique("experiment_id").sort("tested").iter_rows(named=True):
        st.error(
            f"{row['tested']}: arms are not of the sizes that were drawn (p = {row['srm_p_value']:.2g});"
            " nothing else of it counts."
        )
    compared = results.filter(pl.col("difference").is_not_null())
    if compared.is_empty():
        maturing = int(results["maturing"].sum())
        parts.nothing(
            f"Too early to compare: the goals of {maturing:,} leads are still open, and only closed ones count."
        )
    else:
        named = compared.with_columns((pl.col("tested") + " · " + pl.col("arm")).alias("name"))
        charts.intervals(
            named,
            "name",
            "Arm",
            ("difference", "difference_low", "difference_high"),
            "Difference of the conversion rate",
        )
    parts.table(
        results,
        {
            "tested": "Tested",
            "arm": "Arm",
            "baseline_arm": "Against",
            "enrolled": "Leads",
            "matured": "Goal closed",
            "maturing": "Goal open",
            "converted": "Converted",
            "conversion_rate": "Conversion rate",
            "difference": "Difference",
            "lift": "Lift",
            "p_value_holm": st.column_config.NumberColumn("p (Holm)", format="%.3g"),
            "always_valid_p": st.column_config.NumberColumn("p, always valid", format="%.3g"),
            "incremental_conversions": st.column_config.NumberColumn("Incremental conversions", format="%.1f"),
            "incremental_revenue": st.column_config.NumberColumn("Incremental revenue", format="%.2f"),
            "currency": "Currency",
            "conclusion": "Conclusion",
        },
        shares=("conversion_rate", "difference", "lift"),
    )
