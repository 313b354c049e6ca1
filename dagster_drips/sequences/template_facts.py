"""What a Jinja template mentions: other templates, variables, filters; read from its syntax tree, never run.

Here belong facts about one text. Which of them are mistakes is judged in `templates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from dagster_drips.templating.sandbox import TemplateEnvironment

Chain = tuple[str, ...]
"""A variable with its attributes: `lead.first_name` is ("lead", "first_name")."""

_DEFAULTS = frozenset({"default", "d"})


@dataclass(frozen=True)
class Use:
    """One place that reads a variable.

    `guarded`: `default` or a test such as `is defined` covers its absence. `tested`: the template has such a test.
    `asked`: the template asks somewhere whether it is there, as `{% if lead.company %}` or `lead.company or '-'` do.
    """

    chain: Chain
    line: int
    guarded: bool
    tested: bool = False
    asked: bool = False


@dataclass(frozen=True)
class Reference:
    """One place that names another template; `name` None: it is computed, so nobody knows it before the sending."""

    name: str | None
    line: int
    required: bool


@dataclass
class TemplateFacts:
    """Everything that one template mentions."""

    references: list[Reference] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    undeclared: frozenset[str] = frozenset()
    assigned: frozenset[str] = frozenset()
    unknown: list[tuple[str, str, int]] = field(default_factory=list)
    """(filter or test, name, line) of what Jinja doesn't know."""
    syntax: tuple[int, str] | None = None
    """(line, message) where Jinja can't read it; all else is empty then."""


@lru_cache(maxsize=1)
def template_environment() -> Environment:
    """The environment that mail is rendered in, without any files."""
    return TemplateEnvironment({})


@lru_cache(maxsize=4096)
def template_facts(text: str) -> TemplateFacts:
    """The facts of a template, kept for the next tick; not to be changed by callers."""
    environment = template_environment()
    try:
        tree = environment.parse(text)
        undeclared = frozenset(meta.find_undeclared_variables(tree))
    except TemplateSyntaxError as error:
        unknown = (error.message or "").startswith(("No filter named", "No test named"))
        if not unknown:
            return TemplateFacts(syntax=(error.lineno, error.message or "it can't be read"))
        tree = environment.parse(text)
        undeclared = frozenset()
    except RecursionError:
        return TemplateFacts(syntax=(1, "it is nested too deeply"))
    except (ValueError, ArithmeticError, MemoryError) as error:  # a number of thousands of digits, for one
        return TemplateFacts(syntax=(1, f"it can't be read: {error or type(error).__name__}"))
    facts = TemplateFacts(undeclared=undeclared)
    facts.references.extend(_references(tree))
    facts.uses.extend(_with_tested(list(_uses(tree, guarded=False)), frozenset(_asked(tree))))
    facts.assigned = frozenset(name.name for name in tree.find_all(nodes.Name) if name.ctx != "load") | frozenset(
        macro.name for macro in tree.find_all(nodes.Macro)
    )
    facts.unknown.extend(
        (kind, node.name, node.lineno)
        for kind, wanted, known in (
            ("filter", nodes.Filter, environment.filters),
            ("test", nodes.Test, environment.tests),
        )
        for node in tree.find_all(wanted)
        if node.name not in known
    )
    return facts


def _references(tree: nodes.Template) -> Iterator[Reference]:
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        named = node.template
        required = not (isinstance(node, nodes.Include) and node.ignore_missing)
        if isinstance(named, nodes.Const) and isinstance(named.value, str):
            yield Reference(named.value, node.lineno, required)
        elif isinstance(named, (nodes.List, nodes.Tuple)) or (
            isinstance(named, nodes.Const) and isinstance(named.value, tuple)
        ):
            for name in _constants(named):
                # One of several is enough, and which one is there is known only when all are looked for.
                yield Reference(name, node.lineno, required=False)
        else:
            yield Reference(None, node.lineno, required)


def _constants(node: nodes.Expr) -> Iterator[str | None]:
    if isinstance(node, nodes.Const):
        yield from node.value
    elif isinstance(node, (nodes.List, nodes.Tuple)):
        for item in node.items:
            yield item.value if isinstance(item, nodes.Const) and isinstance(item.value, str) else None


def _uses(node: nodes.Node, *, guarded: bool) -> Iterator[Use]:
    if isinstance(node, nodes.Filter) and node.name in _DEFAULTS and node.node is not None:
        yield from _uses(node.node, guarded=True)
        for child in node.iter_child_nodes(exclude=("node",)):
            yield from _uses(child, guarded=False)
    elif isinstance(node, nodes.Test):
        yield from (replace(use, tested=True) for use in _uses(node.node, guarded=True))
        for child in node.iter_child_nodes(exclude=("node",)):
            yield from _uses(child, guarded=False)
    elif isinstance(node, (nodes.Name, nodes.Getattr, nodes.Getitem)):
        chain, rest = _chain(node)
        if chain:
            yield Use(chain, node.lineno, guarded)
        for child in rest:
            yield from _uses(child, guarded=False)
    else:
        for child in node.iter_child_nodes():
            yield from _uses(child, guarded=guarded and isinstance(node, nodes.Filter))


def _chain(node: nodes.Node) -> tuple[Chain, list[nodes.Node]]:
    """The variable that an expression reads, and the expressions in it that are to be looked at themselves."""
    if isinstance(node, nodes.Name):
        return ((node.name,) if node.ctx == "load" else ()), []
    if isinstance(node, nodes.Getattr):
        chain, rest = _chain(node.node)
        return ((*chain, node.attr) if chain else ()), rest
    if isinstance(node, nodes.Getitem):
        chain, rest = _chain(node.node)
        if chain and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return (*chain, node.arg.value), rest
        return chain, [*rest, node.arg]
    return (), [node]


def _asked(tree: nodes.Template) -> Iterator[Chain]:
    """The variables that are read as a truth value: a missing value of a lead or an event is false."""
    pending: list[nodes.Node] = [node.test for node in tree.find_all((nodes.If, nodes.CondExpr))]
    pending += [node.left for node in tree.find_all((nodes.And, nodes.Or))]
    while pending:
        node = pending.pop()
        if isinstance(node, (nodes.And, nodes.Or)):
            pending += [node.left, node.right]
        elif isinstance(node, nodes.Not):
            pending.append(node.node)
        elif chain := _chain(node)[0]:
            yield chain


def _with_tested(uses: list[Use], asked: frozenset[Chain]) -> list[Use]:
    """A variable that is tested somewhere in the template (`if lead.plan is defined`) is guarded everywhere in it."""
    tested = {use.chain for use in uses if use.tested}
    return [
        replace(use, guarded=use.guarded or use.chain in tested, tested=use.chain in tested, asked=use.chain in asked)
        for use in uses
    ]
