"""Sales: revenue, and attribution by model; currencies apart."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console

_SQL = Path(__file__).with_suffix(".sql")
_MODELS = ("last_touch", "first_touch", "last_click", "first_click", "linear", "time_decay", "position_based")
_UNKNOWN = "no currency"


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Sales"):
        return
    currencies = [one or _UNKNOWN for one in console.ask(_SQL, "currencies")["currency"].to_list()]
    if not currencies:
        parts.nothing("No event with a `value` and a `currency` has landed, so there are no sales.")
        return
    left, right = st.columns(2)
    with left:
        shown = parts.chosen("Currency", currencies, key="currency")
    with right:
        model = parts.chosen("Attribution model", _MODELS, key="model")
    currency = None if shown == _UNKNOWN else shown
    totals = console.ask(_SQL, "totals", currency=currency).row(0, named=True)
    unit = f", {shown}"
    parts.numbers(
        [
            ("Sales", parts.told(totals["sales"]), "orders of all leads, mailed or not"),
            (f"Gross revenue{unit}", parts.told(totals["gross_revenue"])),
            (f"Refunds{unit}", parts.told(totals["refunds"]), "of these orders, by now"),
            (f"Net revenue{unit}", parts.told(totals["net_revenue"]), "gross revenue less refunds"),
        ]
    )
    _credited(console, currency, str(model), unit)
    _over_time(console, currency, unit)


def _credited(console: Console, currency: str | None, model: str, unit: str) -> None:
    st.subheader(f"Credited by {model.replace('_', ' ')}")
    credited = console.ask(_SQL, "credited", currency=currency, model=model)
    parts.table(
        credited,
        {
            "sequence": "Sequence",
            "sales": st.column_config.NumberColumn("Sales credited", format="%.1f"),
            "net_revenue": st.column_config.NumberColumn(f"Net revenue{unit}", format="localized"),
            "share": "Share of net revenue",
        },
        shares=("share",),
    )
    st.markdown("**Net revenue credited to sequences, model beside model**")
    models = console.ask(_SQL, "models", currency=currency).filter(pl.col("net_revenue") != 0)
    if models.is_empty():
        parts.nothing("No sale has a message that its buyer opened or clicked in the windows of `attribution`.")
        return
    charts.ranked_bars(models, "model", "Model", charts.Number("net_revenue", f"Net revenue{unit}"), colour="sequence")
    st.caption(
        "Never sum over models: each shares out every sale."
        " Whether people would have bought anyway says a holdout, on the page Experiments."
    )


def _over_time(console: Console, currency: str | None, unit: str) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("**Net revenue by goal, day of the order**")
        daily = console.ask(_SQL, "daily", currency=currency).filter(pl.col("net_revenue") != 0)
        if daily.is_empty():
            parts.nothing("No order fell into the window of a sequence's goal in 90 days.")
        else:
            charts.daily_bars(daily, charts.Number("net_revenue", f"Net revenue{unit}"), colour="sequence")
    with right:
        st.markdown("**Net revenue of all sales, week of the order**")
        weekly = console.ask(_SQL, "weekly", currency=currency)
        if weekly.is_empty():
            parts.nothing("Nothing was sold in the last year.")
        else:
            charts.weekly_bars(weekly, charts.Number("net_revenue", f"Net revenue{unit}"))
