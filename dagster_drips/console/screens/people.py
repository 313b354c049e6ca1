"""People: one lead's profile, and one timeline of events, decisions, mails, engagement and sales."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import streamlit as st

from dagster_drips.console import charts, files, leads, mail_frame, parts
from dagster_drips.console.state import Console
from dagster_drips.pipeline.reasons import REASONS
from dagster_drips.preview.mails import made_up_event, previewed_mail
from dagster_drips.preview.views import VIEWS

_SQL = Path(__file__).with_suffix(".sql")
_MOST = 500
_COUNTS = (
    ("messages_sent", "Messages sent"),
    ("messages_opened", "Opened"),
    ("messages_clicked", "Clicked"),
    ("active_enrollments", "Active enrollments"),
    ("conversions", "Conversions"),
    ("events", "Events"),
    ("sales", "Sales"),
)


def show(console: Console) -> None:
    """The page."""
    if not parts.heading(console, "People"):
        return
    lead = leads.choose_lead(console, key="lead")
    if lead is None:
        parts.nothing("No lead's lead_id or address begins like that.")
        return
    _profile(console, lead)
    # One at a time: each asks large tables for one person.
    sections = {"Timeline": _timeline, "Why, and what is next": _why, "Mails": _mails, "Sales": _sales}
    section = st.segmented_control("Show", list(sections), default="Timeline", key="section", required=True)
    sections[section or "Timeline"](console, lead)


def _profile(console: Console, lead: str) -> None:
    row = leads.profile(console, lead)
    assert row is not None, "whom one can choose is there"
    name = " ".join(part for part in (row["first_name"], row["last_name"]) if part) or lead
    st.subheader(name)
    state = (row["address_state"] or "no address").replace("_", " ")
    suppressed = f", suppressed: {', '.join(row['suppressions'])}" if row["suppressions"] else ""
    segments = ", ".join(row["segments"] or []) or "none"
    st.caption(f"{row['email'] or 'no address'}, {state}{suppressed} · segments: {segments}")
    money = (
        [("Net revenue", f"{parts.told(row['net_revenue'])} {row['currency']}", "of all sales")]
        if row["currency"]
        else []
    )
    parts.numbers([*((label, parts.told(row[column])) for column, label in _COUNTS), *money])
    with st.expander("All fields"):
        own = leads.own_fields(row)
        told = [
            {"field": field, "value": parts.told(value) if value is not None else "NULL"}
            for field, value in own.items()
        ]
        parts.table(pl.DataFrame(told), {"field": "Field", "value": "Value"})
    sequences = console.ask(_SQL, "sequences", lead=lead)
    if sequences.is_empty():
        parts.nothing("No sequence has judged this lead: nothing was a trigger for it.")
        return
    words = pl.col("last_decision").replace({"enrolled": "enrolled"} | REASONS)
    parts.table(
        sequences.with_columns(words, pl.col("exit_reason").replace(REASONS)),
        {
            "sequence_id": "Sequence",
            "status": "Status",
            "last_decision": "Last decision",
            "arm": "Arm",
            "exit_reason": "Ended by",
            "sent": "Sent",
            "opened": "Opened",
            "clicked": "Clicked",
            "next_step_id": "Next step",
            "next_scheduled_at": "Scheduled (UTC)",
        },
    )


def _timeline(console: Console, lead: str) -> None:
    timeline = console.ask(_SQL, "timeline", lead=lead, most=_MOST)
    if timeline.height == _MOST:
        st.caption(f"The latest {_MOST}.")
    charts.moments(
        timeline, time="occurred_at", row="kind", row_title="Kind", told=("what", "detail", "sequence_id", "step_id")
    )
    parts.table(
        timeline.with_columns(pl.col("what").replace(REASONS), pl.col("detail").replace(REASONS)),
        {
            "occurred_at": "When (UTC)",
            "kind": "Kind",
            "what": "What",
            "detail": "Detail",
            "sequence_id": "Sequence",
            "step_id": "Step",
        },
    )


def _why(console: Console, lead: str) -> None:
    explanations = console.ask(_SQL, "explanations", lead=lead)
    if explanations.is_empty():
        parts.nothing("No sequence is live, or the lead is not visible yet.")
        return
    st.caption("What `drips explain` says: for each step of each live sequence, why it went out or did not.")
    parts.table(
        explanations.with_columns(pl.col("state").str.replace_all("_", " ")),
        {
            "sequence_id": "Sequence",
            "step_id": "Step",
            "state": "State",
            "text": st.column_config.TextColumn("Why", width="large"),
            "rule": "Rule",
            "next_at": "Next (UTC)",
        },
    )


def _mails(console: Console, lead: str) -> None:
    mails = console.ask(_SQL, "mails", lead=lead)
    if mails.is_empty():
        parts.nothing("No message to this lead was tried yet.")
        return
    parts.table(
        mails,
        {
            "sent_as_of": "Tick (UTC)",
            "sequence_id": "Sequence",
            "step_id": "Step",
            "variant_id": "Variant",
            "subject": "Subject, as its version has it",
            "became": "Became",
            "first_opened_at": "Opened (UTC)",
            "first_clicked_at": "Clicked (UTC)",
        },
    )
    rows = {row["message_id"]: row for row in mails.iter_rows(named=True)}
    chosen = st.selectbox(
        "Show the mail",
        list(rows),
        format_func=lambda one: (
            f"{parts.told(rows[one]['sent_as_of'])} · {rows[one]['sequence_id']} · {rows[one]['step_id']}"
        ),
        key=f"mail-{lead}",
    )
    row = rows[chosen]
    catalog = files.catalog(console.project)
    source = catalog.sources.get(row["sequence_id"])
    if source is None or source.version_id != row["version_id"]:
        parts.nothing(
            "The files are of another version of this sequence than the one that made the message, so it can't be"
            " shown here."
            " What went out is kept with the journal, and shown by the message's own link to view it."
        )
        return
    step = next(one for one in source.sequence.steps if one.id == row["step_id"])
    variant = next((one for one in step.variants or () if one.id == row["variant_id"]), None)
    event = made_up_event(console.project, source) if source.sequence.trigger.kind == "event" else None
    shown = previewed_mail(catalog, row["sequence_id"], step, variant, leads.reader(console, lead, event), event)
    told = "of today's values" + (", and of an event that is made up: properties are not published" if event else "")
    st.caption(f"Of the very templates that made it, {told}.")
    if shown.error:
        parts.nothing(f"It can't be made of these: {shown.error}")
        return
    st.markdown(f"**{parts.literal(shown.subject)}**")
    mail_frame.mail(shown.html, VIEWS[0])


def _sales(console: Console, lead: str) -> None:
    sales = console.ask(_SQL, "sales", lead=lead)
    if sales.is_empty():
        parts.nothing("No event of this lead had a `value` and a `currency`.")
        return
    parts.table(
        sales,
        {
            "occurred_at": "When (UTC)",
            "event": "Event",
            "gross_revenue": "Gross revenue",
            "refunds": "Refunds",
            "net_revenue": "Net revenue",
            "currency": "Currency",
        },
    )
