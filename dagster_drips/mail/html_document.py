"""HTML before it is sent: styles inlined, links tracked, the preview text and the pixel put in.

All of it is done once for all messages of one shape, on a document with slots (`skeleton`). Nothing is fetched: remote
stylesheets stay what they are.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

import css_inline

from dagster_drips.mail.skeleton import SLOT, slot

_HREF = re.compile(
    r"""(<(?:a|area)\b(?:[^>"']|"[^"]*"|'[^']*')*?\shref\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE
)
_COMMENT = re.compile(r"(<!--.*?-->)", re.DOTALL)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_BODY_END = re.compile(r"</body\b", re.IGNORECASE)
_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_HIDDEN = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
# Keeps mail clients from filling the preview with the first words of the body.
_PADDING = "&zwnj;&nbsp;" * 60
# What a value decides of the markup itself can't be filled in afterwards.
_DECIDING_ATTRIBUTES = frozenset({"class", "id", "style"})
_RAW_ELEMENTS = frozenset({"script", "style"})

_inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def deciding_slots(document: str) -> set[int]:
    """Slots whose value decides what becomes of the markup around it: in a class, in a style, inside of a tag."""
    places = _SlotPlaces()
    places.feed(document)
    places.close()
    return {int(number) for number in SLOT.findall(document)} - places.free


def with_inlined_styles(document: str) -> str:
    """Rules of `<style>` as `style` attributes too, for readers that drop the former.

    HTML or CSS that can't be understood stays as it is.
    """
    if not _STYLE.search(document):
        return document
    try:
        return _inliner.inline(document)
    except css_inline.InlineError:
        return document


def with_tracked_links(document: str, tracked: Callable[[str], str | None]) -> str:
    """Links led elsewhere.

    Args:
        document: may have slots in its addresses.
        tracked: from a link's address, unescaped, to what takes its place, or None to leave it.
    """

    def changed(found: re.Match[str]) -> str:
        address = html.unescape(found[2] if found[2] is not None else found[3]).strip()
        other = tracked(address)
        return found[0] if other is None else f'{found[1]}"{html.escape(other)}"'

    # What stands in comments is for readers of another kind, in a markup of its own.
    return "".join(part if part.startswith("<!--") else _HREF.sub(changed, part) for part in _COMMENT.split(document))


def with_preview(document: str, number: int) -> str:
    """A hidden first line of the body, shown beside the subject in a mailbox; its text goes into that slot."""
    block = f'<div style="{_HIDDEN}">{slot(number)}{_PADDING}</div>'
    found = _BODY.search(document)
    return document[: found.end()] + block + document[found.end() :] if found else block + document


def with_pixel(document: str, number: int) -> str:
    """An image of one dot at the end of the body; its address goes into that slot."""
    image = f'<img src="{slot(number)}" width="1" height="1" alt="" style="display:block;border:0">'
    ends = [found.start() for found in _BODY_END.finditer(document)]
    return document[: ends[-1]] + image + document[ends[-1] :] if ends else document + image


class _SlotPlaces(HTMLParser):
    """Finds the slots that stand in running text, in comments and in plain attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.free: set[int] = set()
        self._raw: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _RAW_ELEMENTS:
            self._raw = tag
        for name, value in attrs:
            if name not in _DECIDING_ATTRIBUTES and not SLOT.search(name):
                self._take(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self._raw
        self.handle_starttag(tag, attrs)
        self._raw = raw

    def handle_endtag(self, tag: str) -> None:
        if tag == self._raw:
            self._raw = None

    def handle_data(self, data: str) -> None:
        if self._raw is None:
            self._take(data)

    def handle_comment(self, data: str) -> None:
        self._take(data)

    def _take(self, text: str) -> None:
        self.free.update(int(number) for number in SLOT.findall(text))
