"""HTML before it is sent: links tracked, the preview text and the pixel put in, and what values decide of it.

All of it is done once for all messages that share a path, on a document with placeholders. Styles are inlined in
`inlined_styles`. Nothing is fetched, and what isn't changed stays byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable

from dagster_drips.message.precompiled_body import PLACEHOLDER, placeholder
from dagster_drips.templating.html_tokens import (
    RAW_TEXT,
    Aside,
    Changes,
    Tag,
    Words,
    address_of_link,
    quoted,
    start_tags,
    tokens,
)

_HIDDEN = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
# Keeps mail clients from filling the preview with the first words of the body.
_PADDING = "&zwnj;&nbsp;" * 60
# What a value decides of the markup itself can't be filled in afterwards.
_DECIDING_ATTRIBUTES = frozenset({"class", "id", "style"})
_HEAD = frozenset({"html", "head", "title", "meta", "link", "base", "style", "script", "noscript", "template"})


def deciding_placeholders(document: str) -> set[int]:
    """Placeholders whose value decides what becomes of the markup around it: in a class, a style, inside of a tag."""
    free: set[int] = set()
    for token in tokens(document):
        if isinstance(token, Tag):
            if token.name == "style":
                continue
            for attribute in token.attributes:
                # Without quotes a value's white space begins an attribute of its own.
                if (
                    attribute.quote
                    and attribute.name not in _DECIDING_ATTRIBUTES
                    and not PLACEHOLDER.search(attribute.name)
                ):
                    free.update(map(int, PLACEHOLDER.findall(attribute.source)))
        elif isinstance(token, Aside):
            if token.is_whole:
                free.update(map(int, PLACEHOLDER.findall(document[token.start : token.end])))
        elif token.inside not in RAW_TEXT:
            free.update(map(int, PLACEHOLDER.findall(document[token.start : token.end])))
    return {int(number) for number in PLACEHOLDER.findall(document)} - free


def with_tracked_links(
    document: str, tracked: Callable[[str], str | None], personal: Callable[[str], str] | None = None
) -> str:
    """Links led elsewhere. What stands in comments is for readers of another kind, in a markup of its own.

    Args:
        document: may have placeholders in its addresses.
        tracked: from a link's address, as browsers read it, to what takes its place, or None to leave it.
        personal: the same for a link whose address has placeholders, from its source; None: `tracked` gets them, too.
    """
    changes = Changes(document)
    for tag in start_tags(tokens(document)):
        link = tag.attribute("href") if tag.name in ("a", "area") else None
        if link is None:
            continue
        if personal is not None and PLACEHOLDER.search(link.source):
            other = personal(link.source)
        else:
            other = tracked(address_of_link(link.value))
        if other is not None:
            changes.replace(link.start, link.end, quoted(other))
    return changes.done()


def with_preview(document: str, number: int) -> str:
    """A hidden first line of the body, shown beside the subject in a mailbox; its text goes into that placeholder."""
    block = f'<div style="{_HIDDEN}">{placeholder(number)}{_PADDING}</div>'
    place = _body_start(document)
    return document[:place] + block + document[place:]


def with_pixel(document: str, number: int) -> str:
    """An image of one dot at the end of the body; its address goes into that placeholder."""
    image = f'<img src="{placeholder(number)}" width="1" height="1" alt="" style="display:block;border:0">'
    ends = {token.name: token.start for token in tokens(document) if isinstance(token, Tag) and token.is_end}
    place = ends.get("body", ends.get("html", len(document)))
    return document[:place] + image + document[place:]


def _body_start(document: str) -> int:
    """Behind the `<body>` that every reader has; without one, where the body begins by itself: behind the head."""
    found = list(tokens(document))
    for tag in start_tags(found):
        if tag.name == "body":
            return tag.end
    place = 0
    for token in found:
        if isinstance(token, Aside):
            is_head = not token.is_comment
        elif isinstance(token, Words):
            is_head = token.inside in RAW_TEXT or token.inside == "title"
            if not is_head and document[token.start : token.end].isspace():
                continue
        else:
            is_head = token.name in _HEAD
        if is_head:
            place = token.end
        elif not isinstance(token, Aside):
            break
    return place
