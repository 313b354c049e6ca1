"""Deliverability: by sender, mailbox provider and day, and the reasons that servers gave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console

_SQL = Path(__file__).with_suffix(".sql")
_ALL = "all senders"
_RATES = ("delivery_rate", "bounce_rate", "deferral_rate", "complaint_rate", "reply_rate")


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Deliverability", "by the day of a message's last attempt"):
        return
    senders = console.ask(_SQL, "senders")["sender"].to_list()
    if not senders:
        parts.nothing(parts.NO_MAIL)
        return
    left, right = st.columns(2)
    with left:
        chosen = parts.chosen("Sender", [_ALL, *senders], key="sender")
    with right:
        days = st.segmented_control("Days", [7, 28, 90], default=28, key="days", required=True)
    asked = {"sender": None if chosen == _ALL else chosen, "days": days}
    totals = console.ask(_SQL, "totals", **asked).row(0, named=True)
    if not totals["sent"]:
        parts.nothing(f"No message was sent in the last {days} days.")
    parts.numbers(
        [
            ("Sent", parts.told(totals["sent"]), "messages that a server took"),
            ("Delivery rate", parts.told(totals["delivery_rate"], share=True), "delivered of sent"),
            ("Bounce rate", parts.told(totals["bounce_rate"], share=True), "bounced and refused, of answered"),
            ("Hard bounce rate", parts.told(totals["hard_bounce_rate"], share=True), "bounced for good, of sent"),
            ("Deferral rate", parts.told(totals["deferral_rate"], share=True), "put off, of attempts"),
            ("Complaint rate", parts.told(totals["complaint_rate"], share=True), "complained, of delivered"),
            ("In doubt", parts.told(totals["in_doubt"]), "nobody knows whether they went out: `drips resolve`"),
        ]
    )
    left, right = st.columns(2)
    with left:
        st.markdown("**Messages sent a day**")
        volume = console.ask(_SQL, "volume", **asked)
        if volume.is_empty():
            parts.nothing("None in these days.")
        else:
            charts.daily_bars(volume, charts.Number("sent", "Messages sent"), colour="sender")
    with right:
        st.markdown("**Bounce, deferral and complaint rate**")
        daily = console.ask(_SQL, "daily", **asked).filter(pl.col("share").is_not_null())
        if daily.is_empty():
            parts.nothing("No server has answered in these days.")
        else:
            charts.daily_lines(daily, charts.Number("share", "Share of messages", is_share=True), colour="rate")
    _providers(console, asked)
    _reasons(console, asked)
    if asked["sender"]:
        _ramp(console, asked)


def _providers(console: Console, asked: Mapping[str, Any]) -> None:
    st.subheader("Mailbox providers")
    providers = console.ask(_SQL, "providers", **asked)
    if providers.is_empty():
        parts.nothing("No message was tried in these days.")
        return
    parts.table(
        providers,
        {
            "provider": "Mailbox provider",
            "sent": "Sent",
            **{name: name.replace("_", " ").capitalize() for name in _RATES},
        },
        shares=_RATES,
    )


def _reasons(console: Console, asked: Mapping[str, Any]) -> None:
    st.subheader("Why messages were not taken")
    reasons = console.ask(_SQL, "reasons", **asked)
    if reasons.is_empty():
        parts.nothing(
            "Servers took every message at the first attempt in these days."
            " Bounces that came later are in the rates above."
        )
        return
    parts.table(
        reasons,
        {
            "outcome": "Outcome",
            "smtp_code": st.column_config.NumberColumn("SMTP code", format="%d"),
            "enhanced_code": "Enhanced code",
            "detail": "The server said",
            "attempts": "Attempts",
            "domains": "Domains",
            "last_at": "Last (UTC)",
        },
    )


def _ramp(console: Console, asked: Mapping[str, Any]) -> None:
    st.subheader("Sent beside allowance")
    ramp = console.ask(_SQL, "ramp", **asked).filter(pl.col("messages").is_not_null())
    if ramp.filter(pl.col("what") == "allowance").is_empty():
        parts.nothing("This sender has no warm-up and no throttle, so there is no allowance.")
        return
    charts.daily_lines(ramp, charts.Number("messages", "Messages a day"), colour="what")
