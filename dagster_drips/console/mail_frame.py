"""A rendered mail on a page: as a reader sees it, in an inbox, as source.

Here belongs showing one; which mail, and for whom, is the pages' matter. Mails are other people's HTML: they are shown
in a frame that runs nothing and belongs to no origin.
"""

from __future__ import annotations

import re
from html import escape

import streamlit as st

from dagster_drips.preview.views import View, as_seen, knows_dark

HEIGHT = 720
_EMBEDDED = re.compile(r"(data:[a-z+./-]+;base64,)[A-Za-z0-9+/=]{64,}")
_FRAME = (
    '<body style="margin:0"><iframe title="mail" sandbox srcdoc="{mail}" style="display:block;box-sizing:border-box;'
    'width:{width}px;max-width:100%;height:{height}px;border:1px solid #8886;border-radius:8px"></iframe></body>'
)
_INBOX = (
    '<div style="border:1px solid #8886;border-radius:8px;padding:.6rem .9rem;max-width:{width}px;font-size:.95rem">'
    '<div style="font-weight:600;white-space:nowrap;overflow:hidden;text-overflow:ellipsis">{sender}</div>'
    '<div style="white-space:nowrap;overflow:hidden;text-overflow:ellipsis">'
    '<span style="font-weight:600">{subject}</span>'
    '<span style="opacity:.65"> {preview}</span></div></div>'
)


def mail(html: str, view: View) -> None:
    """The mail in that view."""
    if view.is_dark and not knows_dark(html):
        st.caption("The mail has no dark styles of its own: shown inverted, as some mail programs do.")
    frame = _FRAME.format(mail=escape(as_seen(html, view), quote=True), width=view.width, height=HEIGHT)
    st.iframe(frame, height=HEIGHT + 4)


def in_inbox(sender: str, subject: str, preview_text: str, *, width: int) -> None:
    """One line of an inbox of that width, cut off where it ends."""
    told = preview_text or "no preview text: inboxes show how the mail begins"
    parts = {"sender": sender, "subject": subject, "preview": told}
    st.html(_INBOX.format(width=width, **{name: escape(value) for name, value in parts.items()}))


def source(html: str) -> None:
    """The HTML; images that travel with the mail are cut short."""
    st.code(_EMBEDDED.sub(r"\1…", html), language="html", wrap_lines=True)
