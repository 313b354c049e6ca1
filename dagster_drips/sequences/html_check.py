"""Whether the tags of an HTML template close what they opened.

A template is not a page: tags that stand under a condition or in a loop are given the benefit of the doubt, includes
are read in their place, and end tags that HTML lets one leave out may be missing. Jinja's own mistakes are found in
`templates`.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser

from jinja2 import Environment

_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_OPTIONAL_END = frozenset(
    (
        "html", "head", "body", "p", "li", "dt", "dd", "option", "optgroup",
        "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "caption", "rp", "rt",
    )
)  # fmt: skip
_CONDITIONAL = {"if": "endif", "for": "endfor", "macro": "endmacro", "call": "endcall", "set": "endset"}
_MOST = 5

Include = Callable[[str], tuple[str, str] | None]
"""An included template's (file, text) by its name; None where there is none."""


@dataclass(frozen=True)
class HtmlMistake:
    """A tag that doesn't fit, and the place of the template that has it."""

    file: str
    line: int
    message: str


@dataclass
class _Piece:
    start: int
    file: str
    line: int
    conditional: bool
    text: str


@dataclass
class _Tag:
    name: str
    offset: int
    conditional: bool


def check_html(environment: Environment, file: str, text: str, include: Include) -> list[HtmlMistake]:
    """The first few mistakes of a template that Jinja can read.

    Args:
        environment: that lexes the template.
        file: the template's file, for mistakes.
        text: the template.
        include: finds what `{% include %}` names.
    """
    pieces: list[_Piece] = []
    _collect(environment, file, text, include, pieces, conditional=False, seen=(file,))
    whole = "".join(piece.text for piece in pieces)
    checker = _Checker(whole, pieces)
    try:
        checker.feed(whole)
        checker.close()
    except AssertionError:  # html.parser on a malformed <![…]> section
        return []
    return checker.finished()[:_MOST]


def _collect(
    environment: Environment,
    file: str,
    text: str,
    include: Include,
    pieces: list[_Piece],
    *,
    conditional: bool,
    seen: tuple[str, ...],
) -> None:
    """Append the template's text with Jinja blanked out, includes in their place, and of alternatives the first one."""
    frames: list[tuple[str, bool]] = []  # how a block ends, and whether its first alternative is over
    statement: list[tuple[str, str]] = []
    in_statement = False

    def add(line: int, piece: str) -> None:
        skipped = any(over for _, over in frames)
        start = pieces[-1].start + len(pieces[-1].text) if pieces else 0
        pieces.append(_Piece(start, file, line, conditional or bool(frames), _blank(piece) if skipped else piece))

    for line, kind, value in environment.lex(text):
        if kind == "data" and not in_statement:
            add(line, value)
            continue
        add(line, _blank(value))
        if kind == "block_begin":
            in_statement, statement = True, []
        elif kind == "block_end":
            in_statement = False
            _follow(frames, statement)
            found = include(_literal(statement)) if _literal(statement) else None
            if found and found[0] not in seen and not any(over for _, over in frames):
                inner = (*seen, found[0])
                _collect(environment, *found, include, pieces, conditional=conditional or bool(frames), seen=inner)
        elif in_statement and kind not in ("whitespace", "data"):
            statement.append((kind, value))


def _follow(frames: list[tuple[str, bool]], statement: list[tuple[str, str]]) -> None:
    word = statement[0][1] if statement else ""
    if word in _CONDITIONAL and not (word == "set" and ("operator", "=") in statement):
        frames.append((_CONDITIONAL[word], False))
    elif word in ("else", "elif") and frames:
        frames[-1] = (frames[-1][0], True)
    elif frames and word == frames[-1][0]:
        frames.pop()


def _literal(statement: list[tuple[str, str]]) -> str:
    if len(statement) > 1 and statement[0] == ("name", "include") and statement[1][0] == "string":
        return str(ast.literal_eval(statement[1][1]))
    return ""


def _blank(text: str) -> str:
    return "".join("\n" if character == "\n" else " " for character in text)


class _Checker(HTMLParser):
    def __init__(self, whole: str, pieces: list[_Piece]):
        super().__init__(convert_charrefs=True)
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]
        self._lines = [0]
        for line in whole.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._open: list[_Tag] = []
        self._forgiven: list[str] = []
        self._mistakes: list[HtmlMistake] = []
        opening = whole.rfind("<!--")
        if opening >= 0 and whole.find("-->", opening + 2) < 0:
            self._add(opening, "the comment <!-- is never closed with -->")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID and ":" not in tag:
            offset = self._offset()
            self._open.append(_Tag(tag, offset, self._piece(offset).conditional))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass  # <o:p/>, <path/>: closed as it opens, whatever HTML makes of it

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or ":" in tag:
            return
        offset = self._offset()
        at = next((at for at in reversed(range(len(self._open))) if self._open[at].name == tag), None)
        if at is None:
            if tag in self._forgiven:
                self._forgiven.remove(tag)
            elif not self._piece(offset).conditional:
                self._add(offset, f"</{tag}> closes nothing: no <{tag}> is open here; remove it or open one")
            return
        if self._piece(offset).conditional and not self._open[at].conditional:
            # A closing tag of one alternative must not take the unconditional ones with it.
            if all(inner.conditional or inner.name in _OPTIONAL_END for inner in self._open[at + 1 :]):
                del self._open[at:]
            return
        for inner in self._open[at + 1 :]:
            line = self._place(offset)[1]
            self._unclosed(inner, f"</{tag}> on line {line} comes first")
        del self._open[at:]

    def finished(self) -> list[HtmlMistake]:
        """All mistakes, those of tags still open included."""
        for tag in self._open:
            self._unclosed(tag, "the template ends")
        self._open = []
        return self._mistakes

    def _unclosed(self, tag: _Tag, why: str) -> None:
        if tag.name in _OPTIONAL_END:
            return
        self._forgiven.append(tag.name)
        if not tag.conditional:
            self._add(tag.offset, f"<{tag.name}> is not closed: {why}; add </{tag.name}>")

    def _add(self, offset: int, message: str) -> None:
        self._mistakes.append(HtmlMistake(*self._place(offset), message))

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[min(line, len(self._lines)) - 1] + column

    def _piece(self, offset: int) -> _Piece:
        return self._pieces[max(bisect_right(self._starts, offset) - 1, 0)]

    def _place(self, offset: int) -> tuple[str, int]:
        piece = self._piece(offset)
        return piece.file, piece.line + piece.text.count("\n", 0, offset - piece.start)
