"""Overview: what needs attention first, then how it goes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dagster_drips.clock import utc_now
from dagster_drips.console import charts, parts
from dagster_drips.console.state import Console
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.problems import problems
from dagster_drips.pipeline.reasons import REASONS
from dagster_drips.pipeline.status import unacknowledged

_SQL = Path(__file__).with_suffix(".sql")
_STOPPED_AFTER = timedelta(hours=1)
# Google's and Yahoo's limits for bulk senders, and where providers of mail services ask questions.
_COMPLAINTS_WARN, _COMPLAINTS_STOP = 0.001, 0.003
_BOUNCES_WARN, _BOUNCES_STOP = 0.02, 0.05
_FEW = 100
_RATES = (
    ("delivery_rate", "Delivery rate", "delivered of sent"),
    ("open_rate", "Open rate", "opened by a person, of delivered and tracked"),
    ("click_rate", "Click rate", "clicked by a person, of delivered and tracked"),
    ("bounce_rate", "Bounce rate", "bounced and refused, of answered"),
    ("complaint_rate", "Complaint rate", "complained, of delivered"),
    ("unsubscribe_rate", "Unsubscribe rate", "unsubscribed, of delivered"),
)


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "Overview"):
        return
    st.subheader("Needs attention")
    _attention(console)
    st.subheader("Last 7 days")
    _week(console)
    st.subheader("Trends, 90 days")
    _trends(console)


def _attention(console: Console) -> None:
    facts = console.facts()
    found = 0
    for sentence in _stopped(facts):
        st.error(sentence, icon=":material/timer_off:")
        found += 1
    try:
        rejected = unacknowledged(console.project, facts.get("rejected", []))
    except DripsError as error:
        st.error(str(error))
        rejected = []
    for sentence in problems(facts, rejected) if facts else ():
        st.warning(parts.literal(sentence), icon=":material/warning:")
        found += 1
    for row in console.ask(_SQL, "senders").iter_rows(named=True):
        for severity, sentence in _judged(row):
            (st.error if severity == "stop" else st.warning)(sentence, icon=":material/mail_off:")
            found += 1
    stuck = console.ask(_SQL, "stuck")
    if not stuck.is_empty():
        people = int(stuck["people"].sum())
        st.warning(
            f"{people:,} people wait for a mail whose time came more than a day ago.", icon=":material/hourglass_top:"
        )
        reasons = stuck.with_columns(pl.col("reason").replace(REASONS).fill_null("due: not sent yet"))
        parts.table(
            reasons,
            {
                "sequence_id": "Sequence",
                "step_id": "Step",
                "reason": "Waits for",
                "people": "People",
                "since": "Longest since (UTC)",
            },
        )
        found += 1
    if not found:
        st.success(
            "Nothing: no gate holds, nothing is in doubt, rates are in bounds, ticks go on.", icon=":material/check:"
        )


def _stopped(facts: dict[str, list[dict[str, Any]]]) -> list[str]:
    ticks = facts.get("ticks")
    if not ticks:
        return []
    ago = utc_now() - ticks[0]["recorded_at"]
    if ago <= _STOPPED_AFTER:
        return []
    return [
        f"No tick has been published for {parts.duration(ago.total_seconds())}:"
        " look at the schedule and the latest runs."
    ]


def _judged(row: dict[str, Any]) -> list[tuple[str, str]]:
    judged = []
    for of, rate, word, warn, stop in (
        ("answered", "bounce_rate", "bounced", _BOUNCES_WARN, _BOUNCES_STOP),
        ("delivered", "complaint_rate", "were complained about", _COMPLAINTS_WARN, _COMPLAINTS_STOP),
    ):
        # Of a few messages one is already a percent.
        if row[of] >= _FEW and row[rate] is not None and row[rate] >= warn:
            severity = "stop" if row[rate] >= stop else "warn"
            limit = f"{stop if severity == 'stop' else warn:.1%}"
            sentence = (
                f"{row['sender']}: {row[rate]:.2%} of {row[of]:,} messages {word} in 7 days, and {limit} is too many."
            )
            judged.append((severity, sentence))
    return judged


def _week(console: Console) -> None:
    weeks = {row["week"]: row for row in console.ask(_SQL, "weeks").iter_rows(named=True)}
    people = console.ask(_SQL, "people").row(0, named=True)
    now, before = weeks.get(0), weeks.get(1, {})
    if now is None:
        parts.nothing("No message was tried in the last 7 days.")
        return
    with st.grid(columns="auto", min_column_width=parts.NUMBER_WIDTH):
        st.metric(
            "Sent",
            f"{now['sent']:,}",
            _change(now["sent"], before.get("sent")),
            delta_color="off",
            help="messages that a server took; beneath: against the 7 days before",
        )
        for name, label, meaning in _RATES:
            worse_up = name in ("bounce_rate", "complaint_rate", "unsubscribe_rate")
            st.metric(
                label,
                parts.told(now[name], share=True),
                _points(now[name], before.get(name)),
                delta_color="inverse" if worse_up else "normal",
                help=f"{meaning}; beneath: against the 7 days before, in percentage points",
            )
        st.metric("In a sequence now", parts.told(people["active"]), help="active enrollments")


def _change(now: float, before: float | None) -> str | None:
    return f"{now / before - 1:+.0%}" if before else None


def _points(now: float | None, before: float | None) -> str | None:
    """A difference of shares; None where there is none, or an arrow would say that nothing had risen."""
    if now is None or before is None or round((now - before) * 100, 2) == 0:
        return None
    return f"{(now - before) * 100:+.2f} pp"


def _trends(console: Console) -> None:
    st.caption("By the day of sending: what people do with the mail of the last days is still to come.")
    left, right = st.columns(2)
    with left:
        st.markdown("**Messages sent a day, by sequence**")
        sent = console.ask(_SQL, "sent")
        if sent.is_empty():
            parts.nothing(parts.NO_MAIL)
        else:
            charts.daily_bars(sent, charts.Number("sent", "Messages sent"), colour="sequence")
    with right:
        st.markdown("**Open and click rate, by day of sending**")
        rates = console.ask(_SQL, "engagement")
        if rates.is_empty():
            parts.nothing(
                "No tracked message was delivered:"
                " opens and clicks are known with `DRIPS_PUBLIC_URL`, or from a provider that tracks."
            )
        else:
            charts.daily_lines(rates, charts.Number("share", "Share of delivered", is_share=True), colour="rate")
    left, right = st.columns(2)
    with left:
        st.markdown("**Bounce, complaint and unsubscribe rate, by day of sending**")
        rates = console.ask(_SQL, "refusals")
        if rates.is_empty():
            parts.nothing(parts.NO_MAIL)
        else:
            charts.daily_lines(rates, charts.Number("share", "Share of messages", is_share=True), colour="rate")
    with right:
        st.markdown("**Addresses that joined, returned and left, by week**")
        changes = console.ask(_SQL, "list")
        if changes.is_empty():
            parts.nothing("No address joined or left the list in 90 days.")
        else:
            charts.weekly_bars(changes, charts.Number("addresses", "Addresses"), colour="change")
