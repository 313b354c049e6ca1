"""How a mail looks under other circumstances: on a phone, in a dark inbox, without images.

What belongs here is the document that a browser is given for each; rendering is `mails`', pictures are `pages`'. No
mail program is imitated in full: a dark inbox is one that honours the mail's own dark styles, or else inverts it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DESKTOP, PHONE = 640, 375
"""Pixels."""

_DARK_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_LIGHT_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_KNOWS_DARK = re.compile(
    r"prefers-color-scheme\s*:\s*dark|supported-color-schemes|color-scheme\s*:[^;\"]*dark", re.IGNORECASE
)
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_INVERSION = "filter:invert(1) hue-rotate(180deg)"
_INVERTED = f"<style>html{{{_INVERSION};background:#fff}}img{{{_INVERSION}}}</style>"
_DARK_PAGE = '<meta name="color-scheme" content="dark"><style>html{background:#1e1e1e;color-scheme:dark}</style>'
_LIGHT_PAGE = "<style>html{background:#fff;color-scheme:light}</style>"
# A mail's scripts and frames run in no mail program.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
    " style-src 'unsafe-inline' https:; font-src https: data:; img-src {images}\">"
)


@dataclass(frozen=True)
class View:
    """One way to look at a mail.

    Args:
        name: what people read, and what its picture is called.
        width: pixels.
        is_dark: in a dark inbox.
        has_images: whether images are shown.
    """

    name: str
    width: int
    is_dark: bool = False
    has_images: bool = True

    @property
    def suffix(self) -> str:
        """Of its picture's name: `images-off`."""
        return self.name.replace(" ", "-")


VIEWS = (
    View("desktop", DESKTOP),
    View("phone", PHONE),
    View("dark", DESKTOP, is_dark=True),
    View("images off", DESKTOP, has_images=False),
)


def knows_dark(html: str) -> bool:
    """Whether the mail has styles of its own for a dark inbox; where not, some programs invert it."""
    return bool(_KNOWS_DARK.search(html))


def as_seen(html: str, view: View) -> str:
    """A rendered mail as a document for a browser: it runs nothing, and shows what that view shows."""
    seen = _DARK_QUERY.sub(_ALWAYS if view.is_dark else _NEVER, html)
    seen = _LIGHT_QUERY.sub(_NEVER if view.is_dark else _ALWAYS, seen)
    page = (_DARK_PAGE if knows_dark(html) else _INVERTED) if view.is_dark else _LIGHT_PAGE
    policy = _POLICY.format(images="data: https: http:" if view.has_images else "'none'")
    return _in_head(seen, policy + page)


def _in_head(html: str, added: str) -> str:
    found = _HEAD.search(html) or _DOCTYPE.match(html)
    place = found.end() if found else 0
    return html[:place] + added + html[place:]
