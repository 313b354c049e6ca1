"""People: one lead's profile, and one timeline of events, decisions, mails, engagement and sales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dagster_drips.console import charts, files, leads, mail_frame, parts
from dagster_drips.console.state import Console, Unshown
from dagster_drips.pipeline.reasons import REASONS
from dagster_drips.preview.mails import made_up_event, previewed_mail
from dagster_drips.preview.views import VIEWS

_SQL = Path(__file__).with_suffix(".sql")
_MOST = 500
_BECAME = {"failed": "As it was tried", "in_doubt": "As it was tried"}
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
            "next_scheduled_at": st.column_config.DatetimeColumn(
                "Scheduled (UTC)",
                format="YYYY-MM-DD HH:mm",
                help="at the earliest; its send window may open later, as *Why, and what is next* says",
            ),
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
    st.caption(
        "What `drips explain` says: for each step of each live sequence, why it went out or did not. Times are UTC."
    )
    for (sequence, enrollment), steps in explanations.group_by("sequence_id", "enrollment_id", maintain_order=True):
        # Without an enrollment all steps are told alike.
        rows = list((steps if enrollment else steps.head(1)).iter_rows(named=True))
        st.markdown("\n".join([f"**{parts.literal(str(sequence))}**", "", *(_told(row, enrollment) for row in rows)]))


def _told(row: dict[str, Any], enrollment: object) -> str:
    step = f"{parts.literal(row['step_id'])}: " if enrollment else ""
    state = row["state"].replace("_", " ")
    return f"- {step}**{state}** ({row['rule']}). {parts.literal(row['text'])}"


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
    _mail(console, lead, rows[chosen])


def _mail(console: Console, lead: str, row: dict[str, Any]) -> None:
    sent = console.sent(row["message_id"])
    if isinstance(sent, Unshown) and sent.is_unrenderable:
        parts.nothing(f"It could not be made: {parts.literal(sent.why)}")
        return
    if isinstance(sent, Unshown):
        st.caption(f"What it was made of is not all there: {parts.literal(sent.why)}")
        _by_files(console, lead, row)
        return
    st.caption(
        f"{_BECAME.get(row['became'], 'As it was sent')}: its own version of the files, with its event and the content"
        " that was frozen for it. Links lead where their author wrote."
    )
    if sent.lead_changed_at:
        at = parts.told(sent.lead_changed_at)
        st.warning(f"The lead's own fields are those of {at} UTC: what the mail shows of them may have been different.")
    if sent.lacks_event:
        st.warning("Its event is in no landing file any more: what the mail showed of it is missing here.")
    _shown(sent.subject, sent.html, sent.text)


def _by_files(console: Console, lead: str, row: dict[str, Any]) -> None:
    """Rendered anew, where the files are still of the version that made it."""
    catalog = files.catalog(console.project)
    source = catalog.sources.get(row["sequence_id"])
    if source is None or source.version_id != row["version_id"]:
        parts.nothing(
            "The files are of another version of this sequence than the one that made the message, so it can't be"
            " rendered anew either."
        )
        return
    step = next(one for one in source.sequence.steps if one.id == row["step_id"])
    variant = next((one for one in step.variants or () if one.id == row["variant_id"]), None)
    event = made_up_event(console.project, source) if source.sequence.trigger.kind == "event" else None
    shown = previewed_mail(catalog, row["sequence_id"], step, variant, leads.reader(console, lead, event), event)
    told = "of today's values" + (", and of an event that is made up" if event else "")
    st.warning(f"Not what was sent: rendered anew by the very templates that made it, {told}.")
    if shown.error:
        parts.nothing(f"It can't be made of these: {parts.literal(shown.error)}")
        return
    _shown(shown.subject, shown.html, shown.text)


def _shown(subject: str, html: str, text: str) -> None:
    st.markdown(f"**{parts.literal(subject)}**")
    rendered, plain = st.tabs(["Rendered", "Plain text"])
    with rendered:
        mail_frame.mail(html, VIEWS[0])
    with plain:
        st.code(text, language=None, wrap_lines=True)


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
