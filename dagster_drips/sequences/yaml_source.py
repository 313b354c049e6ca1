"""YAML as its author wrote it: plain data, and the line on which each part of it stands.

Here belongs everything about YAML and nothing about sequences. The types are those of YAML 1.2: `17:00` and
`2026-01-01` are text, `yes` and `no` are words; numbers remember their spelling (rule E1). Keys are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml
from yaml.reader import ReaderError

Path = tuple[str | int, ...]
"""Where in a document: keys and list indexes from its root."""

DEEPEST = 50
"""Lists and mappings inside of each other, aliases followed."""
MOST_VALUES = 100_000
"""Values of a file, each alias counted as all that it stands for."""

_TAG = "tag:yaml.org,2002:"
# Characters that mean something to YAML where a value begins.
_SIGNS = frozenset("{[*&!@`%|>")
_PLAIN_TEXT = re.compile(r"\s*(?:-\s+)*(?:[\w.-]+\s*:\s+)?+(?P<value>[^\s\"'#].*)")
_WORDS = frozenset({"yes", "no", "on", "off", "y", "n"})


class WrittenInteger(int):
    """A whole number that knows how it was written."""

    written: str


class WrittenNumber(float):
    """A number with a fraction or an exponent that knows how it was written."""

    written: str


class AmbiguousWord(str):
    """`yes`, `no`, `on`, `off`, … without quotes: a truth value to some readers of YAML, text to others."""

    __slots__ = ()


@dataclass(frozen=True)
class Mistake:
    """What YAML itself objects to."""

    line: int
    message: str


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]{0,17})", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), list(_first))


class YamlDocument:
    """A document that was read: its data, and the lines of its parts."""

    def __init__(self, root: yaml.Node | None):
        self._root = root
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()
        self.mistakes: list[Mistake] = []
        self.data = self._value(root) if root is not None else None

    def line_of(self, path: Sequence[str | int]) -> int:
        """The 1-based line of a part, of its key or plain value; where there is no such part, of the nearest above."""
        node, line = self._root, 1
        for part in path:
            if isinstance(node, yaml.MappingNode):
                found = self._entry(node, str(part))
                if found is None:
                    break
                line, node = _line(found[0]), found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = _line(node)
            else:
                break
        else:
            if isinstance(node, yaml.ScalarNode) and node.value:
                line = _line(node)
        return line

    def _entry(self, node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
        own = [entry for entry in node.value if not _is_merge(entry[0]) and entry[0].value == key]
        if own:
            return own[-1]
        for merged in _merged(node):
            found = self._entry(merged, key) if merged is not node else None
            if found:
                return found
        return None

    def _value(self, node: yaml.Node) -> Any:
        if id(node) in self._made:
            return self._made[id(node)]
        if id(node) in self._open:
            self.mistakes.append(Mistake(_line(node), "this anchor contains itself"))
            return None
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            value: Any = self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            value = [self._value(item) for item in node.value]
        else:
            value = self._scalar(node)
        self._open.discard(id(node))
        self._made[id(node)] = value
        return value

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for merged in _merged(node):
            inherited = self._value(merged)
            result = {**inherited, **result} if isinstance(inherited, dict) else result
        seen: dict[str, int] = {}
        for key, value in node.value:
            if _is_merge(key):
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.mistakes.append(Mistake(_line(key), _key_mistake(node, key)))
                continue
            if key.value in seen:
                first = seen[key.value]
                self.mistakes.append(
                    Mistake(_line(key), f"duplicate key '{key.value}': it stands on line {first} already")
                )
            seen.setdefault(key.value, _line(key))
            result[key.value] = self._value(value)
        return result

    def _scalar(self, node: yaml.Node) -> Any:
        kind, text = node.tag.removeprefix(_TAG), str(node.value)
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in ("int", "float"):
            return _number(kind, text)
        if not node.tag.startswith(_TAG):
            self.mistakes.append(Mistake(_line(node), f"the tag {node.tag} means nothing here; leave it out"))
        plain = getattr(node, "style", None) in (None, "")
        return AmbiguousWord(text) if plain and text.lower() in _WORDS else text


def read_yaml(content: bytes) -> YamlDocument | Mistake:
    """A file's document, or the one mistake that keeps it from being read; its `mistakes` may hold more.

    The file must be UTF-8 (a byte order mark is accepted) with one YAML document; an empty one has no data.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Mistake(content[: error.start].count(b"\n") + 1, "this is not UTF-8 text; save the file as UTF-8")
    try:
        return _beyond_limits(text) or YamlDocument(yaml.compose(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, text.count("\n") + 1) if mark else 1
        written = (text.splitlines() or [""])[min(line, len(text.splitlines()) or 1) - 1]
        tab = "; indent with spaces, not tabs" if "\t" in written[: len(written) - len(written.lstrip()) + 1] else ""
        reason = " ".join(part for part in (error.context, error.problem) if part)
        return Mistake(line, f"not YAML: {reason}{tab or _quotes_hint(written)}")
    except ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        return Mistake(text[:position].count("\n") + 1, f"not YAML: {error.reason}")


def _beyond_limits(text: str) -> Mistake | None:
    """What makes the document too deep or, by its aliases, too large: found without building any of it.

    libyaml ends the process when it builds what is nested some ten thousand times.
    """
    # Of each anchor and of each open list or mapping: the values in it, and how many levels they have.
    known: dict[str, tuple[int, int]] = {}
    opened: list[tuple[str | None, int, int]] = []
    values = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            opened.append((event.anchor, values, 0))
            count, levels = 1, 0
        elif isinstance(event, yaml.AliasEvent):
            count, levels = known.get(event.anchor, (1, 1))
        elif isinstance(event, yaml.ScalarEvent):
            count, levels = 1, 0
            if event.anchor:
                known[event.anchor] = (1, 0)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, before, inside = opened.pop()
            if anchor:
                known[anchor] = (values - before, inside + 1)
            count, levels = 0, inside + 1
        else:
            continue
        values += count
        line = event.start_mark.line + 1
        if values > MOST_VALUES:
            return Mistake(
                line, f"not readable: more than {MOST_VALUES} values, aliases (*name) counted as what they stand for"
            )
        if len(opened) + levels > DEEPEST:
            return Mistake(line, f"not readable: lists and mappings more than {DEEPEST} deep")
        if opened:
            anchor, before, inside = opened[-1]
            opened[-1] = (anchor, before, max(inside, levels))
    return None


def written_text(value: Any) -> str | None:
    """A scalar as it was written, where it can stand for text: words and numbers; else None."""
    if isinstance(value, str):
        return str(value)
    return value.written if isinstance(value, (WrittenInteger, WrittenNumber)) else None


def _number(kind: str, text: str) -> Any:
    try:
        value = WrittenInteger(text) if kind == "int" else WrittenNumber(text)
    except ValueError:
        return text
    value.written = text
    return value


def _key_mistake(mapping: yaml.Node, key: yaml.Node) -> str:
    places = [(node.start_mark.line, node.start_mark.column) for node in (mapping, key) if node.start_mark]
    if isinstance(key, yaml.MappingNode) and places[0] == (places[1][0], places[1][1] - 1):
        return 'a value that begins with {{ goes in quotes, or YAML takes it for a mapping: "{{ … }}"'
    return "a key must be a word, not a list or a mapping"


def _quotes_hint(written: str) -> str:
    """What to do where the text of a line was taken for YAML's own signs."""
    match = _PLAIN_TEXT.match(written)
    if not match:
        return ""
    value = match["value"]
    sign = next((sign for sign in ("{{", "{%", "*|", "[[") if sign in value), None)
    if sign is None and value[0] in _SIGNS:
        sign = value[0]
    if sign is None and ": " in value:
        sign = ": "
    return f"; text that has '{sign.strip()}' in it goes in quotes: \"…\"" if sign else ""


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _is_merge(node: yaml.Node) -> bool:
    return node.tag == _TAG + "merge"


def _merged(node: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    for key, value in node.value:
        if _is_merge(key):
            parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
            yield from (part for part in parts if isinstance(part, yaml.MappingNode))
