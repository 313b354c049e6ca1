"""Rule ids: which there are (the headings of docs/rules.md), and which the project's prose names.

Prose is what people read: comments, docstrings, descriptions, names of tests. Literals are data, in which leads and
segments may be called alike.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES_PAGE = Path(__file__).parents[1] / "docs" / "rules.md"

_HEADING = re.compile(r"^### ([A-Z]\d+) · \S", re.MULTILINE)
# Letters, digits, `/`, `-` and `.` around it make something else of it (UTF-8, E.164, v1.E3).
_ID = re.compile(r"(?<![A-Za-z0-9./-])([TEMLFGS]\d{1,2})(?![A-Za-z0-9/-]|\.\d)")
_SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/|{#.*?#}", re.DOTALL)
_YAML_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
_MADE = {"__pycache__", "target", "logs", "dbt_packages", "scenarios"}


@cache
def rule_ids() -> tuple[str, ...]:
    """Every rule's id, in the order of the page."""
    return tuple(_HEADING.findall(RULES_PAGE.read_text(encoding="utf-8")))


def cited_ids(text: str) -> set[str]:
    """What in a text has the form of a rule's id."""
    # An underscore ends an id in the name of a test.
    return {match[1] for match in _ID.finditer(text.replace("_", " "))}


def prose_files(*folders: Path) -> list[Path]:
    """Files of these folders whose prose can be told from their data."""
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in _PROSE]
    return sorted(path for path in files if not _MADE & set(path.parts))


@cache
def prose_of(path: Path) -> str:
    """What in a file people read, piece by piece on lines of their own."""
    return "\n".join(_PROSE[path.suffix](path.read_text(encoding="utf-8")))


def _python(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        # Docstrings, those of constants and fields too: texts that stand alone.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def _sql(text: str) -> Iterator[str]:
    yield from _SQL_COMMENT.findall(text)


def _yaml(text: str) -> Iterator[str]:
    yield from _YAML_COMMENT.findall(text)
    # libyaml, where it is: dbt's files are long.
    yield from _described(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def _described(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _described(item)
    elif isinstance(value, dict):
        if isinstance(value.get("description"), str):
            yield f"{value.get('name', '')} {value['description']}"
        for item in value.values():
            yield from _described(item)


_PROSE = {".py": _python, ".sql": _sql, ".yml": _yaml, ".yaml": _yaml}
