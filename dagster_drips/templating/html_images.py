"""Images that a template names as files, and their Content-IDs in the place of the names.

Works on the template's text, before any value is in it: so a value can never name a file. What is a file's name and
where it stands is said here for both the check (`sequences.attached_files`) and the sending (`templates`); and how a
browser, which knows no Content-ID, is shown a rendered message.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from dagster_drips.templating.html_tokens import Aside, attribute_value, start_tags, tokens

_HIDDEN = "\ufdd0"
_JINJA = re.compile(r"\{\{|\{%|\{#")
_STRINGS = r"""|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_JINJAS_END = {
    "{{": re.compile(rf"""(?:[^"'}}]{_STRINGS}|\}}(?!\}}))*\}}\}}""", re.DOTALL),
    "{%": re.compile(rf"""(?:[^"'%]{_STRINGS}|%(?!\}}))*%\}}""", re.DOTALL),
    "{#": re.compile(r".*?#\}", re.DOTALL),
}
# Conditional comments are markup to the readers they are for.
_CONDITION = re.compile(r"<!--\[if\b[^<>]*>|(?:<!--)?<!\[endif\]-->", re.IGNORECASE)
_TABLES = frozenset({"body", "table", "td", "th", "tr"})
_STYLED = re.compile(r"""\burl\(\s*["']?([^"')]+)|\ssrcset\s*=\s*["']?([^\s"'>,]+)""", re.IGNORECASE)
CONTENT_ID = re.compile(r"cid:([0-9a-f]+@drips)")
"""How the HTML of a message refers to a file that it carries along (RFC 2392)."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # one letter is a drive


@dataclass(frozen=True)
class NamedImage:
    """A place that names an image: its name, its line, and where in the text its address is written."""

    name: str
    line: int
    start: int
    end: int


def named_images(template: str) -> Iterator[NamedImage]:
    """All images of a template that are files: `src` of `img` and of VML, `background` of tables and their parts.

    An address with a scheme or Jinja in it, or that starts with `//` or `#`, names no file.
    """
    for tag in start_tags(tokens(_shown(template))):
        is_image = tag.name == "img" or tag.name.startswith("v:")
        if not is_image and tag.name not in _TABLES:
            continue
        for attribute in tag.attributes:
            # Without quotes, Jinja behind the value is part of it.
            if attribute.name != ("src" if is_image else "background") or template.startswith("{", attribute.end):
                continue
            name = _file_name(attribute.source)
            if name:
                start, end = attribute.start + len(attribute.quote), attribute.end - len(attribute.quote)
                yield NamedImage(name, template.count("\n", 0, start) + 1, start, end)


def lost_images(template: str) -> Iterator[tuple[int, str]]:
    """(line, name) of files that are named where mail can't carry them: in styles and in `srcset`."""
    shown = list(_shown(template))
    for token in tokens("".join(shown)):
        if isinstance(token, Aside):
            shown[token.start : token.end] = _HIDDEN * (token.end - token.start)
    for found in _STYLED.finditer("".join(shown)):
        name = _file_name(found[1] or found[2])
        if name:
            yield template.count("\n", 0, found.start()) + 1, name


def with_content_ids(template: str, content_ids: Mapping[str, str]) -> str:
    """The template with `cid:` addresses for the images of those names."""
    pieces: list[str] = []
    done = 0
    for image in named_images(template):
        if image.name in content_ids:
            pieces += [template[done : image.start], f"cid:{content_ids[image.name]}"]
            done = image.end
    return "".join([*pieces, template[done:]])


def _shown(template: str) -> str:
    """The text with Jinja hidden, and conditional comments open; every character keeps its place."""
    pieces: list[str] = []
    place = 0
    while opening := _JINJA.search(template, place):
        closing = _JINJAS_END[opening[0]].match(template, opening.end())
        end = closing.end() if closing else len(template)
        # Spaces at both ends: what stands beside it in a tag is no part of it.
        pieces += (template[place : opening.start()], f" {_HIDDEN * (end - opening.start() - 2)} ")
        place = end
    return _CONDITION.sub(_hidden, "".join([*pieces, template[place:]]))


def _hidden(found: re.Match[str]) -> str:
    return _HIDDEN * len(found[0])


def _file_name(address: str) -> str | None:
    text = attribute_value(address).strip()
    if not text or _HIDDEN in text or text.startswith(("#", "//")) or _SCHEME.match(text):
        return None
    return unquote(text)


def with_images_as_data(html: str, image_of: Callable[[str], tuple[str, bytes] | None]) -> str:
    """A rendered message with the images that it carries along inside of the page.

    Args:
        html: of the message.
        image_of: content type and bytes by Content-ID; None leaves the reference as it is.
    """

    def data(found: re.Match[str]) -> str:
        image = image_of(found[1])
        return f"data:{image[0]};base64,{base64.b64encode(image[1]).decode('ascii')}" if image else found[0]

    return CONTENT_ID.sub(data, html)
