"""HTML cut into tags, comments and text as browsers cut it (HTML 13.2.5), with the place of every piece in the source.

For changing a document without writing it anew: what isn't replaced stays byte for byte. Nothing here fails, whatever
the text is, and all of it takes time in proportion to its length. No tree is built; what elements mean is up to those
who read the tokens.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.entities import html5

VOID_ELEMENTS = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
"""Elements without content or end tag (HTML 13.1.2)."""
OPTIONAL_END = frozenset(
    (
        "html", "head", "body", "p", "li", "dt", "dd", "option", "optgroup",
        "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "caption", "rp", "rt",
    )
)  # fmt: skip
"""Elements whose end tag may be left out (HTML 13.1.2.4)."""
RAW_TEXT = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes"})
"""Elements whose content is text without markup and without character references."""

_ONLY_TEXT = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in (*RAW_TEXT, "title", "textarea")
}
_COMMENT_END = re.compile(r"--!?>")
_TAG_NAME = re.compile(r"[^\t\n\f\r />]+")
_BETWEEN = re.compile(r"[\t\n\f\r /]*")
_ATTRIBUTE_NAME = re.compile(r"[^\t\n\f\r />][^\t\n\f\r />=]*")
_EQUALS = re.compile(r"[\t\n\f\r ]*=[\t\n\f\r ]*")
_UNQUOTED = re.compile(r"[^\t\n\f\r >]*")
_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z][A-Za-z0-9]*;?=?)")
_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
# What browsers take away from an address (URL Standard 4.4).
_AROUND_ADDRESS = "".join(map(chr, range(0x21)))
_WITHIN_ADDRESS = dict.fromkeys(map(ord, "\t\n\r"))


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a start tag: `source` as written, without its quotes; `start` to `end` is the value's place with
    them, the end of the name where there is none."""

    name: str
    source: str
    start: int
    end: int
    quote: str

    @property
    def value(self) -> str:
        """The value, its character references resolved."""
        return attribute_value(self.source)


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag. `attributes_end` is where one more attribute can be written."""

    name: str
    start: int
    end: int
    is_end: bool = False
    attributes: tuple[Attribute, ...] = ()
    attributes_end: int = 0
    closes_itself: bool = False

    def attribute(self, name: str) -> Attribute | None:
        """The attribute that counts: the first of that name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)

    def value(self, name: str) -> str | None:
        """The value of that attribute; None where it isn't there."""
        found = self.attribute(name)
        return None if found is None else found.value


@dataclass(frozen=True, slots=True)
class Words:
    """Text. `inside` names the element where that holds nothing but text (`title`, `style`, …)."""

    start: int
    end: int
    inside: str | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """What no reader sees: a comment, a doctype, `<![…]>`, a tag that the end of the document cuts off.

    `is_whole`: it ends before the document does.
    """

    start: int
    end: int
    is_comment: bool = False
    is_whole: bool = True


Token = Tag | Words | Aside


def tokens(document: str) -> Iterator[Token]:
    """The document's tokens, in order and without gaps."""
    place, end = 0, len(document)
    inside: str | None = None
    while place < end:
        if inside is not None:
            closing = _ONLY_TEXT[inside].search(document, place)
            stop = closing.start() if closing else end
            if stop > place:
                yield Words(place, stop, inside)
            inside, place = None, stop
            continue
        opening = _markup_at(document, place)
        if opening > place:
            yield Words(place, opening)
        if opening == end:
            return
        token = _token(document, opening)
        yield token
        place = token.end
        if isinstance(token, Tag) and not token.is_end and token.name in _ONLY_TEXT:
            inside = token.name


def attribute_value(source: str) -> str:
    """An attribute's value as written, with its character references resolved as in attributes (HTML 13.2.5.73).

    `&copy=1` and `&region` stay as they are: there, a name without a semicolon counts only where neither `=` nor a
    letter or digit follows.
    """
    return _REFERENCE.sub(_resolved, source) if "&" in source else source


def address_of_link(value: str) -> str:
    """An `href` as browsers follow it: without white space around it and line ends in it."""
    address = value.strip(_AROUND_ADDRESS)
    return address if address.isprintable() else address.translate(_WITHIN_ADDRESS)


def quoted(value: str) -> str:
    """A value as the source of an attribute, quotes included."""
    escaped = value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return f'"{escaped}"'


@dataclass
class Changes:
    """Replacements of stretches of a document, put in from its start to its end."""

    document: str
    _made: list[tuple[int, int, str]] = field(default_factory=list)

    def replace(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of a stretch."""
        self._made.append((start, end, text))

    def insert(self, place: int, text: str) -> None:
        """Put a text somewhere."""
        self._made.append((place, place, text))

    def done(self) -> str:
        """The changed document."""
        pieces: list[str] = []
        place = 0
        for start, end, text in sorted(self._made, key=lambda change: change[0]):
            pieces += (self.document[place:start], text)
            place = end
        return "".join([*pieces, self.document[place:]])


def start_tags(found: Iterable[Token]) -> Iterator[Tag]:
    """The start tags among tokens."""
    return (token for token in found if isinstance(token, Tag) and not token.is_end)


def _markup_at(document: str, place: int) -> int:
    """Where the next tag or comment begins; the document's end where there is none."""
    while (opening := document.find("<", place)) >= 0:
        after = document[opening + 1 : opening + 3]
        first = after[:1]
        if (first.isascii() and first.isalpha()) or first in ("!", "?") or (first == "/" and len(after) == 2):
            return opening
        place = opening + 1
    return len(document)


def _token(document: str, start: int) -> Token:
    after = document[start + 1]
    if after == "!" and document.startswith("--", start + 2):
        if document.startswith(">", start + 4):
            return Aside(start, start + 5, is_comment=True)
        if document.startswith("->", start + 4):
            return Aside(start, start + 6, is_comment=True)
        found = _COMMENT_END.search(document, start + 4)
        return Aside(start, found.end() if found else len(document), is_comment=True, is_whole=found is not None)
    is_end = after == "/"
    letter = document[start + 2] if is_end else after
    if letter.isascii() and letter.isalpha():
        return _tag(document, start, is_end)
    closing = document.find(">", start + 2)
    return Aside(start, closing + 1 if closing >= 0 else len(document), is_whole=closing >= 0)


def _tag(document: str, start: int, is_end: bool) -> Token:
    name = _TAG_NAME.match(document, start + 1 + is_end)
    assert name is not None  # a letter stands there
    attributes: list[Attribute] = []
    place = attributes_end = name.end()
    cut_off = Aside(start, len(document), is_whole=False)
    while True:
        between = _BETWEEN.match(document, place)
        place = between.end() if between else place
        if place >= len(document):
            return cut_off
        if document[place] == ">":
            closes_itself = document[place - 1] == "/" and place > attributes_end
            return Tag(_lower(name[0]), start, place + 1, is_end, tuple(attributes), attributes_end, closes_itself)
        attribute = _attribute(document, place)
        if attribute is None:
            return cut_off
        attributes.append(attribute)
        place = attributes_end = attribute.end


def _attribute(document: str, place: int) -> Attribute | None:
    """The attribute that begins there; None where its value never ends."""
    name = _ATTRIBUTE_NAME.match(document, place)
    assert name is not None  # neither white space nor / or > stands there
    equals = _EQUALS.match(document, name.end())
    if equals is None:
        return Attribute(_lower(name[0]), "", name.end(), name.end(), "")
    start = equals.end()
    quote = document[start : start + 1]
    if quote in ('"', "'"):
        closing = document.find(quote, start + 1)
        return (
            None
            if closing < 0
            else Attribute(_lower(name[0]), document[start + 1 : closing], start, closing + 1, quote)
        )
    bare = _UNQUOTED.match(document, start)
    source = bare[0] if bare else ""
    return Attribute(_lower(name[0]), source, start, start + len(source), "")


def _lower(name: str) -> str:
    """As HTML does it: only A to Z, so that no name changes its length."""
    return name.translate(_TO_LOWER)


def _resolved(found: re.Match[str]) -> str:
    written = found[0]
    if written[1] == "#":
        return html.unescape(written)
    if written.endswith("="):
        name = written[1:-1]
        return html5[name] + "=" if name.endswith(";") and name in html5 else written
    return html5.get(written[1:], written)
