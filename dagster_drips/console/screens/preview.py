"""Preview: a mail of the working files as a reader would see it, and what is odd about it. Nothing is sent."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import streamlit as st

from dagster_drips.console import files, leads, mail_frame, parts
from dagster_drips.console.editing import editor
from dagster_drips.console.state import Console
from dagster_drips.errors import DripsError
from dagster_drips.preview.findings import spam_of
from dagster_drips.preview.mails import (
    GMAIL_CLIPS_AT,
    PreviewedMail,
    Reader,
    fields_named,
    made_up_event,
    previewed_mail,
    sender_of,
)
from dagster_drips.preview.missing import missing_values
from dagster_drips.preview.spam import is_there
from dagster_drips.preview.views import DESKTOP, PHONE, VIEWS
from dagster_drips.sequences.catalog import Catalog, SequenceSource
from dagster_drips.sequences.schema import Step, Variant
from dagster_drips.sequences.step_content import content_of_step
from dagster_drips.templating.rendering import RenderError

_MADE_UP, _REAL = "made up", "a lead"


def show(console: Console) -> None:
    """The page."""
    st.title("Preview")
    st.caption("The working files, drafts too. Nothing is sent; an edit of a file shows at once.")
    seen = files.fingerprint(console.project)
    files.follow_edits(console.project, seen)
    catalog = files.catalog(console.project)
    known = sorted({*catalog.sources, *catalog.invalid})
    if not known:
        parts.nothing("There is no sequence: `drips new sequence NAME` writes a draft with two mails.")
        return
    sequence = parts.chosen("Sequence", known, key="sequence")
    assert sequence is not None
    _problems(catalog, sequence)
    source = catalog.sources.get(sequence)
    if source is None:
        parts.nothing("Its mails can be shown once its files have no mistake.")
    else:
        _mail(console, catalog, source)
    editor(console, sequence)


def _problems(catalog: Catalog, sequence: str) -> None:
    for problem in catalog.problems:
        if problem.file.startswith(f"sequences/{sequence}/"):
            (st.error if problem.severity == "error" else st.warning)(parts.literal(str(problem)))


def _mail(console: Console, catalog: Catalog, source: SequenceSource) -> None:
    left, right = st.columns(2)
    with left:
        step, variant = _part(source)
    with right:
        lead = _lead(console)
    event = _event(console, source)
    reader = leads.reader(console, lead, event)
    mail = previewed_mail(catalog, source.sequence_id, step, variant, reader, event)
    if mail.made_up_content:
        parts.nothing(
            f"The rows of content.{', content.'.join(mail.made_up_content)} are made up, as `tests.yml` gives them:"
            " they are not published, and `drips preview` shows real ones."
        )
    if models := sorted({*content_of_step(step, source.files)} - {*mail.made_up_content}):
        parts.nothing(
            f"It names content.{', content.'.join(models)}, whose rows are not published: here they are missing, and"
            " `drips preview` shows them."
        )
    if mail.error:
        st.error(f"It can't be made for this reader: {parts.literal(mail.error)}")
        if mail.missing:
            st.caption(f"This reader has no {', '.join(mail.missing)}.")
    else:
        sender = sender_of(source)
        st.caption("In an inbox, on a desktop and on a phone:")
        for width in (DESKTOP, PHONE):
            mail_frame.in_inbox(sender.name or sender.email, mail.subject, mail.preview_text, width=width)
        _bodies(mail)
    _odd(console, source, step, variant, reader, mail)


def _part(source: SequenceSource) -> tuple[Step, Variant | None]:
    steps = {step.id: step for step in source.sequence.steps}
    step = steps[parts.chosen("Step", list(steps), key="step") or next(iter(steps))]
    variants = {variant.id: variant for variant in step.variants or ()}
    if not variants:
        return step, None
    return step, variants[parts.chosen("Variant", list(variants), key="variant") or next(iter(variants))]


def _lead(console: Console) -> str | None:
    if console.published is None:
        st.caption("The reader is made up, as nothing is published yet.")
        return None
    kind = st.segmented_control("Reader", [_MADE_UP, _REAL], default=_MADE_UP, key="reader", required=True)
    if kind == _MADE_UP:
        return None
    lead = leads.choose_lead(console, key="lead")
    if lead is None:
        st.caption("Nobody is like that; the reader is made up.")
    return lead


def _event(console: Console, source: SequenceSource) -> dict[str, Any] | None:
    if source.sequence.trigger.kind != "event":
        return None
    event = made_up_event(console.project, source)
    with st.expander(f"The event {event['event']}"):
        st.caption("Made up: properties of events are not published. It begins as the sequence's `tests.yml` has one.")
        written = st.text_area("Properties, as JSON", event["properties"], key=f"properties-{source.sequence_id}")
        try:
            properties = json.loads(written)
        except ValueError as error:
            st.error(f"That is no JSON: {error}")
            return event
        if not isinstance(properties, dict):
            st.error("Properties are a JSON object.")
            return event
    return event | {"properties": json.dumps(properties)}


def _bodies(mail: PreviewedMail) -> None:
    rendered, source, text = st.tabs(["Rendered", "HTML", "Plain text"])
    with rendered:
        names = {view.name: view for view in VIEWS}
        name = st.segmented_control("View", list(names), default=VIEWS[0].name, key="view", required=True)
        mail_frame.mail(mail.html, names[name or VIEWS[0].name])
    with source:
        mail_frame.source(mail.html)
    with text:
        st.code(mail.text, language=None, wrap_lines=True)


def _odd(
    console: Console, source: SequenceSource, step: Step, variant: Variant | None, reader: Reader, mail: PreviewedMail
) -> None:
    if not mail.error:
        kilobytes, limit = mail.size / 1024, GMAIL_CLIPS_AT / 1024
        size = f"{kilobytes:.1f} KB of HTML after inlining"
        if mail.is_clipped:
            st.error(f"{size}: Gmail clips it at {limit:.0f} KB.")
        else:
            st.markdown(f"**Size**: {size}; Gmail clips at {limit:.0f} KB.")
        st.subheader("Links")
        if mail.links:
            parts.table(pl.DataFrame({"link": mail.links}), {"link": "Leads to, untracked"})
        else:
            parts.nothing("The mail has no link.")
    st.subheader("Missing values")
    _missing(console, source, step, variant)
    if not mail.error:
        st.subheader("Spam score")
        _spam(source, step, variant, reader)


def _missing(console: Console, source: SequenceSource, step: Step, variant: Variant | None) -> None:
    fields = fields_named(source, step, variant)
    if not fields:
        parts.nothing("Its templates name no field of the lead.")
        return
    if console.published is None:
        parts.nothing(
            f"Its templates name {', '.join(fields)}; whom these are missing for is known once something is published."
        )
        return
    with console.published.opened("marts.lead_profiles") as published:
        found = missing_values(published, source.sequence, fields)
    if not found.leads:
        parts.nothing("No lead is in the segments that this sequence is for, as of the published tick.")
        return
    rows = [
        {"field": field, "leads": leads_lacking, "share": leads_lacking / found.leads}
        for field, leads_lacking in found.lacking.items()
    ]
    st.caption(f"Of {found.leads:,} leads in its segments, as published.")
    parts.table(
        pl.DataFrame(rows), {"field": "Field", "leads": "Leads without it", "share": "Share"}, shares=("share",)
    )


def _spam(source: SequenceSource, step: Step, variant: Variant | None, reader: Reader) -> None:
    if not is_there():
        parts.nothing("SpamAssassin is not installed here: Debian's package is `spamassassin`.")
        return
    if not st.button("Ask SpamAssassin", help="its rules without the network, seconds a mail"):
        return
    try:
        verdict = spam_of(source, step, variant, reader)
    except (DripsError, RenderError) as error:
        st.error(parts.literal(str(error)))
        return
    told = f"{verdict.score:.1f} points; from {verdict.required:.1f} on it would be spam."
    (st.error if verdict.is_spam else st.success)(told)
    if verdict.rules:
        rows = [{"rule": rule, "points": points} for rule, points in verdict.rules]
        parts.table(
            pl.DataFrame(rows), {"rule": "Rule", "points": st.column_config.NumberColumn("Points", format="%+.1f")}
        )
