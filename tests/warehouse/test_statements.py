"""Python's own SQL stands in named `.sql` files, where it is read, formatted and found as SQL."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "dagster_drips"
SQL = re.compile(
    r"\s*(select\b.*\bfrom\b|with\b.*\bselect\b|insert into\b|delete from\b|update\b.*\bset\b)"
    r"|\s*(create (or replace )?table\b|drop table\b|alter table\b)",
    re.IGNORECASE | re.DOTALL,
)
# The port to the engine: statements about statements, made of the names that it is given.
PORT = {PACKAGE / "warehouse" / name for name in ("duckdb_file.py", "postgres.py", "postgres_sql.py")}
# A table named by SQLite itself; whose file it is nobody knows before.
ASIDE = {"select name from sqlite_master where type = 'table'"}


def whole_statements(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts that are SQL and have nothing put into them; what is put together of names can't stand in a file."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in parts | docstrings and SQL.match(node.value):
            yield node.lineno, node.value


def test_no_module_has_a_whole_statement_in_it() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path not in PORT
        for line, text in whole_statements(ast.parse(path.read_text(encoding="utf-8")))
        if text not in ASIDE
    ]
    assert found == []


def test_a_statement_is_seen_and_other_texts_are_not() -> None:
    lines = [
        '"""Of it."""',
        '"select a from b"',
        '"delete from t where x = ?"',
        'f"select * from {name}"',
        '"with other values"',
        '"update it"',
    ]
    source = "\n".join(lines)
    assert [text for _, text in whole_statements(ast.parse(source))] == ["select a from b", "delete from t where x = ?"]
