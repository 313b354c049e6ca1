"""Rules of `<style>` as `style` attributes too, for readers that drop the former.

css-inline says which rule holds for which element; the document itself is not written anew: doctype, head, comments and
every tag stay byte for byte, and only `style` attributes are put in. What no inlining can say stays in its sheet alone:
rules under a media query, and sheets whose `media` is not for every screen. `!important` is left out where a rule is
inlined, or no sheet could overrule it on phones or in dark mode. `data-css-inline="ignore"` on a `<style>` keeps it
out, on an element the element.
"""

from __future__ import annotations

import re
from collections import Counter

import css_inline

from dagster_drips.templating.css_text import Declaration, declarations, is_for_screens, written
from dagster_drips.templating.html_tokens import (
    OPTIONAL_END,
    VOID_ELEMENTS,
    Changes,
    Tag,
    Token,
    Words,
    quoted,
    start_tags,
    tokens,
)

DEEPEST = 250
"""Elements open at once. css-inline works and tidies up recursively: tens of thousands end the whole process."""
MOST_MATCHES = 10_000_000
"""Declarations times elements: what inlining may come to."""
LONGEST = 4_000_000
"""Characters of a document with its styles inlined."""

_MARK = "data-drips-tag"
_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_CSS_TYPES = ("", "text/css")

_inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


class MarkupLimit(Exception):
    """A document beyond what can be prepared; the text says which limit."""


def with_inlined_styles(document: str) -> str:
    """The document with its rules inlined; HTML or CSS that can't be understood stays as it is.

    Raises:
        MarkupLimit: it is nested too deeply, or its styles and elements are too many.
    """
    if not _STYLE.search(document):
        return document
    found = list(tokens(document))
    tags = list(start_tags(found))
    _check_limits(document, found, len(tags))
    try:
        inlined = _inliner.inline(_marked(document, found))
    except css_inline.InlineError:
        return document
    styles: dict[int, str] = {}
    for tag in start_tags(tokens(inlined)):
        number, style = tag.value(_MARK), tag.value("style")
        if number is not None and style is not None:
            styles.setdefault(int(number), style)
    changes = Changes(document)
    for number, tag in enumerate(tags):
        if number in styles:
            _put(changes, tag, styles[number])
    result = changes.done()
    if len(result) > LONGEST:
        raise MarkupLimit(f"longer than {LONGEST} characters with its styles inlined")
    return result


def _check_limits(document: str, found: list[Token], elements: int) -> None:
    unclosed: Counter[str] = Counter()
    depth = 0
    for token in found:
        # An element that HTML ends by itself is no deeper than the others around it.
        if not isinstance(token, Tag) or token.name in VOID_ELEMENTS or token.name in OPTIONAL_END:
            continue
        if not token.is_end:
            unclosed[token.name] += 1
            depth += 1
            if depth > DEEPEST:
                raise MarkupLimit(f"HTML with more than {DEEPEST} elements inside of each other")
        elif unclosed[token.name]:
            unclosed[token.name] -= 1
            depth -= 1
    sheets = (
        document[token.start : token.end] for token in found if isinstance(token, Words) and token.inside == "style"
    )
    declared = sum(sheet.count(":") for sheet in sheets)
    if declared * elements > MOST_MATCHES:
        raise MarkupLimit(f"styles with {declared} declarations for {elements} elements")


def _marked(document: str, found: list[Token]) -> str:
    """The document as css-inline gets it: tags numbered, sheets that aren't to be inlined empty."""
    changes = Changes(document)
    number = 0
    is_left = False
    for token in found:
        if isinstance(token, Tag) and not token.is_end:
            # Before all other attributes: of two with one name the first counts.
            changes.insert(token.start + 1 + len(token.name), f' {_MARK}="{number}"')
            number += 1
            is_left = token.name == "style" and not _is_inlined(token)
        elif isinstance(token, Words) and token.inside == "style" and is_left:
            changes.replace(token.start, token.end, "")
    return changes.done()


def _is_inlined(sheet: Tag) -> bool:
    return is_for_screens(sheet.value("media") or "") and (sheet.value("type") or "").strip().lower() in _CSS_TYPES


def _put(changes: Changes, tag: Tag, style: str) -> None:
    own = tag.attribute("style")
    before = own.value if own else ""
    if style == before:
        return
    text = quoted(_without_important(style, before))
    if own is None:
        changes.insert(tag.attributes_end, f" style={text}")
    else:
        has_value = changes.document[own.start - 1] in "=\t\n\f\r " or own.start < own.end
        changes.replace(own.start, own.end, text if has_value else f"={text}")


def _without_important(style: str, before: str) -> str:
    """A style with what only sheets call important last, and not called so any more."""
    found = declarations(style)
    authors = {one.name for one in declarations(before) if one.important}
    lifted = [one for one in found if one.important and one.name not in authors]
    if not lifted:
        return style
    rest = [one for one in found if one not in lifted]
    return written([*rest, *(Declaration(one.name, one.value) for one in lifted)])
