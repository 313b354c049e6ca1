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

from jinja2 import Environment

from dagster_drips.templating.html_tokens import OPTIONAL_END, VOID_ELEMENTS, Aside, Tag, tokens

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
    checker = _Checker(pieces)
    for token in tokens(whole):
        if isinstance(token, Tag):
            checker.take(token)
        elif isinstance(token, Aside) and token.is_comment and not token.is_whole:
            checker.add(token.start, "the comment <!-- is never closed with -->")
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


class _Checker:
    def __init__(self, pieces: list[_Piece]):
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]
        self._open: list[_Tag] = []
        self._forgiven: list[str] = []
        self._mistakes: list[HtmlMistake] = []

    def take(self, tag: Tag) -> None:
        """The next tag of the template."""
        if tag.name in VOID_ELEMENTS or ":" in tag.name:
            return
        if tag.is_end:
            self._end(tag.name, tag.start)
        elif not tag.closes_itself:  # <path/>: closed as it opens, whatever HTML makes of it
            self._open.append(_Tag(tag.name, tag.start, self._piece(tag.start).conditional))

    def _end(self, tag: str, offset: int) -> None:
        at = next((at for at in reversed(range(len(self._open))) if self._open[at].name == tag), None)
        if at is None:
            if tag in self._forgiven:
                self._forgiven.remove(tag)
            elif not self._piece(offset).conditional:
                self.add(offset, f"</{tag}> closes nothing: no <{tag}> is open here; remove it or open one")
            return
        if self._piece(offset).conditional and not self._open[at].conditional:
            # A closing tag of one alternative must not take the unconditional ones with it.
            if all(inner.conditional or inner.name in OPTIONAL_END for inner in self._open[at + 1 :]):
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
        if tag.name in OPTIONAL_END:
            return
        self._forgiven.append(tag.name)
        if not tag.conditional:
            self.add(tag.offset, f"<{tag.name}> is not closed: {why}; add </{tag.name}>")

    def add(self, offset: int, message: str) -> None:
        """Note a mistake at that place."""
        self._mistakes.append(HtmlMistake(*self._place(offset), message))

    def _piece(self, offset: int) -> _Piece:
        return self._pieces[max(bisect_right(self._starts, offset) - 1, 0)]

    def _place(self, offset: int) -> tuple[str, int]:
        piece = self._piece(offset)
        return piece.file, piece.line + piece.text.count("\n", 0, offset - piece.start)
