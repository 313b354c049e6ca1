"""Where an HTML template puts what leads and events bring in, and which of its rules readers on phones never see.

Only surprises, told as warnings: places where escaping does not keep a value from deciding more than its author meant,
and styles that inlining overrules. Mistakes in the markup itself are `html_check`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from jinja2 import Environment, nodes

from dagster_drips.message.precompiled_body import PLACEHOLDER, placeholder, without_marks
from dagster_drips.sequences.template_facts import template_environment
from dagster_drips.templating.css_text import Rule, is_for_screens, rules
from dagster_drips.templating.html_tokens import Aside, Tag, Words, tokens

_VALUES = frozenset({"lead", "event"})
_ESCAPING = frozenset({"e", "escape", "forceescape", "tojson", "urlencode", "int", "float", "length", "count", "round"})
_ADDRESSES = frozenset(
    ("href", "src", "action", "formaction", "background", "poster", "data", "cite", "longdesc", "srcset", "xlink:href")
)
_BEGINS_WITH_VALUE = re.compile(rf"\s*{PLACEHOLDER.pattern}")
_KNOWN_SECTION = re.compile(r"<!\[\s*(if\s+[^>]*|endif)\]>", re.IGNORECASE)
_SPACED_SECTION = re.compile(r"<!\[\s+(if|endif)\b", re.IGNORECASE)
_SIMPLE = re.compile(r"[.#]?[a-zA-Z_][\w-]*|\*|\[[^\]]*\]|:[\w-]+(?:\([^)]*\))?")


@dataclass(frozen=True)
class _Value:
    """A `{{ … }}` that holds what a lead or an event brings in."""

    line: int
    words: str
    expression: nodes.Expr


@lru_cache(maxsize=4096)
def template_warnings(text: str) -> list[tuple[int, str]]:
    """(line, message) of all that is to be told of an HTML template, kept for the next tick; not to be changed.

    Args:
        text: one that Jinja can read.
    """
    return [*warnings_of_places(text), *warnings_of_media(text)]


def warnings_of_places(text: str) -> list[tuple[int, str]]:
    """Values in places where escaping isn't enough, and markup that means nothing to readers."""
    environment = template_environment()
    tree = environment.parse(text)
    tainted = _tainted(tree)
    document, values = _with_placeholders(environment, text, tainted)
    found = [*_raw_values(tree, tainted), *_in_markup(document, values)]
    return sorted(dict.fromkeys(found))


def warnings_of_media(text: str) -> list[tuple[int, str]]:
    """What media queries say in vain, as the same is inlined and an element's own style wins."""
    sheets: list[tuple[Tag, Words]] = []
    found = list(tokens(text))
    for token, following in pairwise(found):
        if isinstance(token, Tag) and not token.is_end and isinstance(following, Words) and following.inside == "style":
            sheets.append((token, following))
    inlined: dict[str, list[tuple[str, frozenset[str]]]] = {}
    conditional: list[tuple[int, str, Rule]] = []
    for tag, words in sheets:
        media = tag.value("media") or ""
        for rule in rules(text[words.start : words.end]):
            line = text.count("\n", 0, words.start + rule.place) + 1
            if rule.condition is not None or not is_for_screens(media):
                conditional.append((line, rule.condition or f"@media {media}", rule))
            elif (tag.value("data-css-inline") or "") != "ignore":
                asked = [_asked(selector) for selector in rule.selectors]
                for one in rule.declarations:
                    inlined.setdefault(one.name.split("-")[0], []).extend((one.name, each) for each in asked)
    return [
        (line, message)
        for line, condition, rule in conditional
        if condition.startswith("@media") and (message := _lost(condition, rule, inlined))
    ]


def _lost(condition: str, rule: Rule, inlined: Mapping[str, list[tuple[str, frozenset[str]]]]) -> str | None:
    asked = {selector: _asked(selector) for selector in rule.selectors}
    for one in rule.declarations:
        if one.important:
            continue
        for name, other in inlined.get(one.name.split("-")[0], ()):
            for selector, own in asked.items():
                # What meets both: all that one asks of an element the other asks, too.
                if own and other and (own <= other or other <= own) and _related(one.name, name):
                    return (
                        f"'{one.name}' of {selector} in {condition} has no effect: the rule without a query is inlined"
                        ' and wins; add !important, or keep that one in a <style data-css-inline="ignore">'
                    )
    return None


def _related(one: str, other: str) -> bool:
    """Whether two properties are one, or a shorthand and a part of it."""
    return one == other or one.startswith(f"{other}-") or other.startswith(f"{one}-")


@lru_cache(maxsize=4096)
def _asked(selector: str) -> frozenset[str]:
    """What a selector asks of the element itself: its name, classes and id."""
    last = re.split(r"[\s>+~]+", selector.strip())[-1]
    return frozenset(part for part in _SIMPLE.findall(last) if not part.startswith(":"))


def _tainted(tree: nodes.Template) -> frozenset[str]:
    """Names that hold what leads and events bring in, directly or by `set`, `for` and `with`."""
    flows: list[tuple[set[str], set[str]]] = []
    for node in tree.find_all((nodes.Assign, nodes.For, nodes.With, nodes.AssignBlock)):
        if isinstance(node, nodes.With):
            flows += [
                ({_stored(target)}, _names(value)) for target, value in zip(node.targets, node.values, strict=True)
            ]
        elif isinstance(node, nodes.AssignBlock):
            continue  # markup that was escaped where it was written
        else:
            value = node.node if isinstance(node, nodes.Assign) else node.iter
            flows.append(({name.name for name in _all_names(node.target) if name.ctx == "store"}, _names(value)))
    tainted = set(_VALUES)
    grown = True
    while grown:
        before = len(tainted)
        for targets, sources in flows:
            if sources & tainted:
                tainted |= targets
        grown = len(tainted) > before
    return frozenset(tainted)


def _stored(target: nodes.Node) -> str:
    return target.name if isinstance(target, nodes.Name) else ""


def _all_names(node: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(node, nodes.Name):
        yield node
    yield from node.find_all(nodes.Name)


def _names(node: nodes.Node) -> set[str]:
    return {name.name for name in _all_names(node)}


def _raw_values(tree: nodes.Template, tainted: Collection[str]) -> Iterator[tuple[int, str]]:
    for node in tree.find_all(nodes.Filter):
        inner = node.node
        if node.name != "safe" or inner is None or not _names(inner) & set(tainted):
            continue
        if not (isinstance(inner, nodes.Filter) and inner.name in _ESCAPING):
            yield (
                node.lineno,
                "| safe writes a lead's or event's value as it stands: who sets it can bring in any markup",
            )
    for node in tree.find_all(nodes.ScopedEvalContextModifier):
        for option in node.options:
            if option.key == "autoescape" and isinstance(option.value, nodes.Const) and not option.value.value:
                yield (
                    node.lineno,
                    "{% autoescape false %} writes values as they stand: who sets them can bring in any markup",
                )


def _with_placeholders(environment: Environment, text: str, tainted: Collection[str]) -> tuple[str, list[_Value]]:
    """The template with placeholders for such values and all other Jinja blanked out; lines stay where they are."""
    pieces: list[str] = []
    values: list[_Value] = []
    expression: list[str] | None = None
    began = 1
    is_statement = False
    for line, kind, source in environment.lex(text):
        if kind == "variable_begin":
            expression, began = [], line
            pieces.append(_lines(source))
        elif kind == "variable_end":
            found = _expression(environment, "".join(expression or ()))
            if found is not None and _names(found) & set(tainted):
                pieces.append(placeholder(len(values)))
                values.append(_Value(began, "".join(expression or ()).strip(), found))
            else:
                pieces.append("x")
            pieces.append(_lines(source))
            expression = None
        elif expression is not None:
            expression.append(source)
            pieces.append(_lines(source))
        elif kind == "data" and not is_statement:
            pieces.append(without_marks(source))
        else:
            is_statement = (is_statement or kind == "block_begin") and kind != "block_end"
            pieces.append(_lines(source))
    return "".join(pieces), values


def _lines(source: str) -> str:
    return "\n" * source.count("\n")


def _expression(environment: Environment, source: str) -> nodes.Expr | None:
    output = environment.parse("{{" + source + "}}").find(nodes.Output)
    return output.nodes[0] if output else None


def _in_markup(document: str, values: list[_Value]) -> Iterator[tuple[int, str]]:
    def of(source: str) -> Iterator[_Value]:
        return (values[int(number)] for number in PLACEHOLDER.findall(source))

    for token in tokens(document):
        source = document[token.start : token.end]
        if isinstance(token, Words):
            if token.inside == "script":
                for value in of(source):
                    if not (isinstance(value.expression, nodes.Filter) and value.expression.name == "tojson"):
                        yield value.line, f"{value.words} stands in a <script>, where escaping does not help: | tojson"
            elif token.inside == "style":
                for value in of(source):
                    yield value.line, f"{value.words} stands in a <style>, where it can bring in rules of its own"
        elif isinstance(token, Aside):
            if source.startswith("<![") and (_SPACED_SECTION.match(source) or not _KNOWN_SECTION.fullmatch(source)):
                line = document.count("\n", 0, token.start) + 1
                yield (
                    line,
                    f"'{source[:20]}' is no conditional comment that Outlook knows: write <![if …]> and <![endif]>",
                )
        else:
            yield from _in_tag(token, of)


def _in_tag(tag: Tag, of: Callable[[str], Iterator[_Value]]) -> Iterator[tuple[int, str]]:
    for attribute in tag.attributes:
        for value in of(attribute.name):
            yield (
                value.line,
                f"{value.words} stands inside of <{tag.name}>, where it can bring in attributes of its own",
            )
        found = list(of(attribute.source))
        if not found:
            continue
        first = found[0]
        if not attribute.quote:
            yield first.line, f"{first.words} stands in {attribute.name}= without quotes, which its first space ends"
        if attribute.name.startswith("on"):
            yield first.line, f"{first.words} stands in {attribute.name}=, where it can bring in script of its own"
        if attribute.name in _ADDRESSES and _BEGINS_WITH_VALUE.match(attribute.source) and not _has_scheme(first):
            message = f"{first.words} decides all of {attribute.name}=, its host and scheme too; begin with https://…"
            yield first.line, message


def _has_scheme(value: _Value) -> bool:
    """Whether the expression itself begins with a text that says where the address leads."""
    first = value.expression
    while isinstance(first, (nodes.Concat, nodes.BinExpr)):
        first = first.nodes[0] if isinstance(first, nodes.Concat) else first.left
    return isinstance(first, nodes.Const) and ":" in str(first.value)
