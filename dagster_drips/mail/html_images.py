"""Images that a template names as files, and their Content-IDs in the place of the names.

Works on the template's text, before any value is in it: so a value can never name a file. What is a file's name and
where it stands is said here for both the check (`sequences.attached_files`) and the sending (`templates`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_HIDDEN = "\ufdd0"
_JINJA = re.compile(
    r"""\{\{(?:[^"'}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\}(?!\}))*\}\}"""
    r"""|\{%(?:[^"'%]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|%(?!\}))*%\}"""
    r"""|\{\#.*?\#\}""",
    re.DOTALL,
)
# Conditional comments are markup to the readers they are for.
_COMMENT = re.compile(r"<!--(?!\[if\b).*?-->", re.DOTALL)
_TAG = re.compile(
    rf"""<(img|body|table|t[rdh]|v:[a-z]+)(?=[\s/{_HIDDEN}])((?:[^>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    rf"""[\s/{_HIDDEN}]([^\s/=>"'{_HIDDEN}]+)(?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+)))?"""
)
_STYLED = re.compile(r"""\burl\(\s*["']?([^"')]+)|\ssrcset\s*=\s*["']?([^\s"'>,]+)""", re.IGNORECASE)
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
    text = _shown(template)
    for tag in _TAG.finditer(text):
        element = tag[1].lower()
        wanted = "src" if element == "img" or element.startswith("v:") else "background"
        for attribute in _ATTRIBUTE.finditer(text, tag.start(2), tag.end(2)):
            kind = attribute.lastgroup
            if attribute[1].lower() != wanted or kind is None:
                continue
            name = _file_name(attribute[kind])
            if name:
                start, end = attribute.span(kind)
                yield NamedImage(name, template.count("\n", 0, start) + 1, start, end)


def lost_images(template: str) -> Iterator[tuple[int, str]]:
    """(line, name) of files that are named where mail can't carry them: in styles and in `srcset`."""
    for found in _STYLED.finditer(_shown(template)):
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
    """The text without Jinja and comments; every character keeps its place."""
    return _COMMENT.sub(_hidden, _JINJA.sub(_hidden, template))


def _hidden(found: re.Match[str]) -> str:
    return _HIDDEN * len(found[0])


def _file_name(address: str) -> str | None:
    text = html.unescape(address).strip()
    if not text or _HIDDEN in text or text.startswith(("#", "//")) or _SCHEME.match(text):
        return None
    return unquote(text)
