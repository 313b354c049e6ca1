"""CSS as text: the declarations of a style, the rules of a sheet, and under which media they hold.

As much of it as is needed to say which rule meets which, and no more; matching elements is css-inline's. Nothing here
fails: what can't be understood is left out, as browsers do (CSS Syntax 3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PARTS = re.compile(
    r"""/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*(?:"|\n|\Z)|'(?:[^'\\\n]|\\.)*(?:'|\n|\Z)|<!--|-->|\\.|[^/"'<\\;:{}()\[\]-]+|.""",
    re.DOTALL,
)
_IMPORTANT = re.compile(r"\s*!\s*important\s*\Z", re.IGNORECASE)
_FOR_SCREENS = re.compile(r"(only\s+)?(all|screen)", re.IGNORECASE)
_CONDITIONS = frozenset({"@media", "@supports", "@layer", "@container"})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Declaration:
    """`name: value`; the name in lower case, `!important` apart from the value."""

    name: str
    value: str
    important: bool = False


@dataclass(frozen=True)
class Rule:
    """A style rule. `condition` is the outermost at-rule around it (`@media (max-width:480px)`), None: it always holds.

    `place` is where it begins in the sheet.
    """

    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    condition: str | None
    place: int


def declarations(style: str) -> list[Declaration]:
    """The declarations of a `style` attribute or of a rule's block, in order."""
    found: list[Declaration] = []
    for text in _split(style, ";"):
        name, colon, value = text.partition(":")
        name = name.strip()
        if colon and name:
            important = _IMPORTANT.search(value)
            value = (value[: important.start()] if important else value).strip()
            name = name if name.startswith("--") else name.lower()
            found.append(Declaration(name, value, important is not None))
    return found


def written(found: list[Declaration]) -> str:
    """Declarations as a `style` attribute has them."""
    return "; ".join(f"{one.name}: {one.value}{' !important' if one.important else ''}" for one in found)


def is_for_screens(media: str) -> bool:
    """Whether a sheet with that `media` attribute holds on every screen."""
    queries = [query.strip() for query in media.split(",")]
    return not media.strip() or any(_FOR_SCREENS.fullmatch(query) for query in queries)


def rules(sheet: str) -> Iterator[Rule]:
    """The style rules of a sheet, those inside of `@media` and its like included."""
    conditions: list[str] = []
    prelude: list[str] = []
    start: int | None = None
    parts = _PARTS.finditer(sheet)
    for part in parts:
        text = part[0]
        if text.startswith("/*") or text in ("<!--", "-->"):
            continue
        if text == ";":
            prelude, start = [], None
        elif text == "}":
            prelude, start = [], None
            if conditions:
                conditions.pop()
        elif text == "{":
            head = "".join(prelude).strip()
            if head.split("(")[0].split()[:1] and head.split("(")[0].split()[0].lower() in _CONDITIONS:
                conditions.append(" ".join(head.split()))
            else:
                block = _block(parts)
                if head and not head.startswith("@"):
                    selectors = tuple(" ".join(one.split()) for one in _split(head, ",") if one.strip())
                    place = part.start() if start is None else start
                    yield Rule(selectors, tuple(declarations(block)), conditions[0] if conditions else None, place)
            prelude, start = [], None
        else:
            if start is None and text.strip():
                start = part.start() + len(text) - len(text.lstrip())
            prelude.append(text)


def _block(parts: Iterator[re.Match[str]]) -> str:
    """What stands up to the brace that closes the one just read."""
    depth, texts = 1, []
    for part in parts:
        text = part[0]
        depth += (text == "{") - (text == "}")
        if not depth:
            break
        texts.append(text)
    return "".join(texts)


def _split(text: str, separator: str) -> Iterator[str]:
    """The stretches between separators that stand in no string, comment or parenthesis; comments left out."""
    stretch: list[str] = []
    depth = 0
    for part in _PARTS.finditer(text):
        piece = part[0]
        if piece.startswith("/*"):
            continue
        if piece in _OPENING:
            depth += 1
        elif piece in _CLOSING:
            depth = max(0, depth - 1)
        if piece == separator and not depth:
            yield "".join(stretch)
            stretch = []
        elif separator in piece and not depth and piece[0] not in "\"'\\":
            *whole, last = piece.split(separator)
            for one in whole:
                yield "".join([*stretch, one])
                stretch = []
            stretch.append(last)
        else:
            stretch.append(piece)
    yield "".join(stretch)
