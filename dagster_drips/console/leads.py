"""Leads of the published set: looking for one, and one as a reader of mails.

Here belongs what both the pages Preview and People need of a lead. Events' properties are not published, so the event
that brought a reader is made up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dagster_drips.console.state import Console
from dagster_drips.preview.mails import MADE_UP, Reader

_SQL = Path(__file__).with_suffix(".sql")
_FIRST_COUNT, _LAST_COUNT = "segments", "address_state"
"""Columns of a profile between these are numbers about the lead; all others are the lead's own (docs/contract.md)."""


def choose_lead(console: Console, *, key: str) -> str | None:
    """A lead by the beginning of its id or address; None where nobody is like that."""
    text = st.text_input(
        "Lead",
        key=f"text-{key}",
        placeholder="lead_id or address",
        help="the beginning of either; empty: whom mail went to last",
    ).strip()
    found = console.ask(_SQL, "found", text=text) if text else console.ask(_SQL, "mailed")
    names = {
        row["lead_id"]: f"{row['lead_id']} · {row['email'] or 'no address'}" for row in found.iter_rows(named=True)
    }
    if not names:
        return None
    wanted = st.query_params.get(key)
    options = list(names)
    # Whom a link names need not be among those that were mailed last.
    if wanted and not text and wanted not in names and profile(console, wanted):
        options.insert(0, wanted)
    index = options.index(wanted) if wanted in options else 0
    chosen = st.selectbox(
        "Found", options, index=index, format_func=lambda one: names.get(one, one), key=f"found-{key}"
    )
    if chosen and chosen != wanted:
        st.query_params[key] = chosen
    return chosen


def profile(console: Console, lead_id: str) -> dict[str, Any] | None:
    """A lead's row of `marts.lead_profiles`."""
    found = console.ask(_SQL, "profile", lead=lead_id)
    return None if found.is_empty() else found.row(0, named=True)


def own_fields(row: dict[str, Any]) -> dict[str, Any]:
    """What a profile says that is the lead's own: what templates may name."""
    names = list(row)
    first, last = names.index(_FIRST_COUNT), names.index(_LAST_COUNT)
    return {name: row[name] for name in (*names[:first], *names[last + 1 :])}


def reader(console: Console, lead_id: str | None, event: dict[str, Any] | None) -> Reader:
    """A lead as it was published last, or somebody made up where None, brought by that event."""
    row = profile(console, lead_id) if lead_id is not None else None
    lead = own_fields(row) if row else dict(MADE_UP)
    return Reader(lead, lead_id if row else None, console.project, event, reads_warehouse=False)
