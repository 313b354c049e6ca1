"""The plain-text part of a message, derived from its HTML where no `.txt` stands beside the template.

Only the conversion: which of the two is used is settled in `templates`. It reads any HTML, never fails, and takes time
in proportion to its length.
"""

from __future__ import annotations

import html as markup
import re
from collections import Counter
from dataclasses import dataclass

from dagster_drips.templating.css_text import declarations
from dagster_drips.templating.html_tokens import RAW_TEXT, VOID_ELEMENTS, Tag, Words, address_of_link, tokens

_UNSEEN = frozenset({"head", "script", "style", "title", "template", "noscript"})
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "section", "article"}
)
_LINES = frozenset(
    {"div", "tr", "li", "dt", "dd", "header", "footer", "main", "nav", "address", "figure", "center", "body"}
)
# Elements that end others which HTML lets one leave open (HTML 13.1.2.4), and what they don't look beyond.
_ENDS_P = frozenset(
    (
        "address", "article", "aside", "blockquote", "center", "details", "dialog", "div", "dl", "fieldset",
        "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
        "nav", "ol", "p", "pre", "section", "table", "ul", "dd", "dt",
    )
)  # fmt: skip
_ENDS = {
    **{name: frozenset({"p"}) for name in _ENDS_P},
    "li": frozenset({"p", "li"}),
    "dt": frozenset({"p", "dt", "dd"}),
    "dd": frozenset({"p", "dt", "dd"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "tr": frozenset({"td", "th", "tr"}),
    **{name: frozenset({"td", "th", "tr", "thead", "tbody", "tfoot"}) for name in ("thead", "tbody", "tfoot")},
    "body": frozenset({"head"}),
    "a": frozenset({"a"}),
}
_NOT_BEYOND = frozenset({"table", "ul", "ol", "dl", "button", "object", "template", "html", "body"})
_CELLS = frozenset({"td", "th"})
_DEEPEST = 500
"""Elements open at once; browsers stop at 512, too."""
_HIDING = {
    "display": re.compile(r"none", re.IGNORECASE),
    "visibility": re.compile(r"hidden|collapse", re.IGNORECASE),
    "opacity": re.compile(r"0*\.?0+%?"),
}
_FILLERS = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f"))
_SPACES = re.compile(r"\s+")


def plain_text(html: str) -> str:
    """The words of an HTML message as readable text; links are kept as `text (url)`.

    What is not shown in the HTML (`display:none`, the head, what rules of `<style>` hide once they are inlined) is left
    out. Lines are not wrapped.
    """
    writer = _Writer()
    for token in tokens(html):
        if isinstance(token, Words):
            if token.inside is None or token.inside not in RAW_TEXT:
                writer.words(markup.unescape(html[token.start : token.end]))
        elif isinstance(token, Tag):
            if token.is_end:
                writer.end(token.name)
            else:
                writer.start(token)
    writer.finish()
    return writer.text()


@dataclass
class _Element:
    name: str
    is_hidden: bool
    address: str = ""
    """Where a link leads."""
    begins: int = 0
    """Where its content begins among the pieces."""
    has_image: bool = False


class _Writer:
    """Text as it comes from tags and words; knows which elements are open."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._open: list[_Element] = []
        self._named: Counter[str] = Counter()
        self._links: list[_Element] = []
        self._is_at_line_start = False

    def text(self) -> str:
        """What was written, tidied up."""
        lines = [
            re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in "".join(self._pieces).translate(_FILLERS).split("\n")
        ]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"

    def words(self, text: str) -> None:
        """A stretch of text."""
        if not self._is_hidden:
            self._write(_SPACES.sub(" ", text))

    def start(self, tag: Tag) -> None:
        """A start tag, which ends what it can't stand in."""
        self._end_for(tag.name)
        is_hidden = self._is_hidden or tag.name in _UNSEEN or _hides(tag)
        if not is_hidden:
            self._break_before(tag)
        if tag.name in VOID_ELEMENTS or (tag.closes_itself and ":" in tag.name):
            return
        address = address_of_link(tag.value("href") or "") if tag.name == "a" else ""
        if len(self._open) < _DEEPEST:
            element = _Element(tag.name, is_hidden, address, len(self._pieces))
            self._open.append(element)
            self._named[tag.name] += 1
            if tag.name == "a":
                self._links.append(element)

    def end(self, name: str) -> None:
        """An end tag: of the innermost element of that name, and of all in it; of none, nothing."""
        for depth in range(len(self._open) if self._named[name] else 0, 0, -1):
            if self._open[depth - 1].name == name:
                self._close_down_to(depth - 1)
                return

    def finish(self) -> None:
        """The end of the document."""
        self._close_down_to(0)

    @property
    def _is_hidden(self) -> bool:
        return bool(self._open) and self._open[-1].is_hidden

    def _end_for(self, name: str) -> None:
        ended = _ENDS.get(name)
        if not ended or not any(self._named[one] for one in ended):
            return
        for depth in range(len(self._open), 0, -1):
            element = self._open[depth - 1].name
            if element in ended:
                self._close_down_to(depth - 1)
                # A row ends the cell before it and the row before that.
                self._end_for(name)
                return
            if element in _NOT_BEYOND:
                return

    def _close_down_to(self, depth: int) -> None:
        while len(self._open) > depth:
            element = self._open.pop()
            self._named[element.name] -= 1
            if element.name == "a":
                self._links.pop()
            if element.is_hidden:
                continue
            if element.name == "a":
                self._end_link(element)
            elif element.name in _CELLS:
                self._write(" ")
            elif element.name in _PARAGRAPHS:
                self._write("\n\n")
            elif element.name in _LINES:
                self._new_line()

    def _end_link(self, link: _Element) -> None:
        if not link.address or link.address.startswith("#"):
            return
        label = " ".join("".join(self._pieces[link.begins :]).split())
        if not label:
            # A reader sees an image there, and may follow it.
            if link.has_image:
                self._write(link.address)
        elif label not in (link.address, link.address.removeprefix("mailto:")):
            self._write(f" ({link.address})")

    def _break_before(self, tag: Tag) -> None:
        if tag.name == "br":
            self._write("\n")
        elif tag.name == "hr":
            self._write("\n\n---\n\n")
        elif tag.name in _PARAGRAPHS:
            self._write("\n\n")
        elif tag.name in _LINES:
            self._new_line()
        if tag.name == "li":
            self._write("- ")
        elif tag.name == "img":
            self._image(tag)
        elif tag.name == "area" and tag.value("href"):
            address, alt = address_of_link(tag.value("href") or ""), (tag.value("alt") or "").strip()
            self._write(f"{alt} ({address}) " if alt else f"{address} ")

    def _image(self, tag: Tag) -> None:
        if self._links:
            self._links[-1].has_image = True
        alt = tag.value("alt") or ""
        if alt.strip():
            self._write(alt)

    def _new_line(self) -> None:
        """One line's end, however many blocks start or end here."""
        if not self._is_at_line_start:
            self._write("\n")

    def _write(self, piece: str) -> None:
        self._pieces.append(piece)
        if piece.endswith("\n"):
            self._is_at_line_start = True
        elif piece.strip(" "):
            self._is_at_line_start = False


def _hides(tag: Tag) -> bool:
    """Whether the tag hides its element, by itself or by its style."""
    if tag.attribute("hidden"):
        return True
    style = tag.value("style")
    if not style:
        return False
    values: dict[str, str] = {}
    for one in sorted(declarations(style), key=lambda one: one.important):
        values[one.name] = one.value
    if any(pattern.fullmatch(values.get(name, "")) for name, pattern in _HIDING.items()):
        return True
    return bool(re.match(r"0+(px)?\Z", values.get("max-height", ""))) and values.get("overflow") == "hidden"
