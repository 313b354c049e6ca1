"""The plain-text part of a message, derived from its HTML where no `.txt` stands beside the template.

Only the conversion: which of the two is used is settled in `templates`.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_UNSEEN = frozenset({"head", "script", "style", "title", "template", "noscript"})
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "section", "article"}
)
_LINES = frozenset(
    {"div", "tr", "li", "dt", "dd", "header", "footer", "main", "nav", "address", "figure", "center", "body"}
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_FILLERS = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f"))


def plain_text(html: str) -> str:
    """The words of an HTML message as readable text; links are kept as `text (url)`.

    What is not shown in the HTML (`display:none`, styles, the head) is left out. Lines are not wrapped.
    """
    converter = _Converter()
    converter.feed(html)
    converter.close()
    return converter.text()


class _Converter(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._unseen: list[str] = []  # open elements from the outermost unseen one inwards
        self._links: list[tuple[str, int]] = []  # address, and where its text starts in _pieces

    def text(self) -> str:
        lines = [
            re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in "".join(self._pieces).translate(_FILLERS).split("\n")
        ]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        hidden = tag in _UNSEEN or "hidden" in values or bool(_HIDDEN_STYLE.search(values.get("style", "")))
        if self._unseen or hidden:
            if tag not in _VOID:
                self._unseen.append(tag)
            return
        self._break_before(tag)
        if tag == "li":
            self._pieces.append("- ")
        elif tag == "img" and values.get("alt", "").strip():
            self._pieces.append(values["alt"])
        elif tag == "a":
            self._links.append((values.get("href", "").strip(), len(self._pieces)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            if tag in self._unseen:
                while self._unseen.pop() != tag:
                    pass
            return
        if tag == "a" and self._links:
            address, start = self._links.pop()
            label = " ".join("".join(self._pieces[start:]).split())
            if (
                label
                and address
                and not address.startswith("#")
                and label not in (address, address.removeprefix("mailto:"))
            ):
                self._pieces.append(f" ({address})")
        elif tag in ("td", "th"):
            self._pieces.append(" ")
        else:
            self._break_after(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._pieces.append(re.sub(r"\s+", " ", data))

    def _break_before(self, tag: str) -> None:
        if tag == "br":
            self._pieces.append("\n")
        elif tag == "hr":
            self._pieces.append("\n\n---\n\n")
        elif tag in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif tag in _LINES:
            self._new_line()

    def _break_after(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif tag in _LINES:
            self._new_line()

    def _new_line(self) -> None:
        """One line's end, however many blocks start or end here."""
        for piece in reversed(self._pieces):
            if piece.endswith("\n"):
                return
            if piece.strip(" "):
                break
        self._pieces.append("\n")
