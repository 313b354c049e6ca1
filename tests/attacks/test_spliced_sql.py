"""Nothing from outside is spliced into SQL but as a quoted identifier or literal of `warehouse.quoting`.

Every statement that Python puts together is looked at in the source, and every placeholder of the .sql files and of
dbt. What stands in `REVIEWED` was judged by a person: it is a constant of this project, or made by `quoted_name`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dagster_drips.field_names import field_name_problem
from dagster_drips.pipeline.dbt_files import MADE
from dagster_drips.warehouse.quoting import quoted_name, quoted_text

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "dagster_drips"
SQL = re.compile(
    r"\s*\(?(select|insert into|update|delete from|create|alter table|drop|copy|attach|detach|set \w+ =|from)\s"
    r"|\s*(try_)?cast\(",
    re.IGNORECASE,
)
QUOTING = {"quoted_name", "quoted_text"}
OURS = "a constant of this project"
QUOTED = "made by quoted_name"
TYPE = "a type of ours or of the engine's catalog"
STATEMENT = "a whole statement of ours"
COMPILED = "the dbt project's own, as dbt compiled it"
REVIEWED = {
    "orchestration/assets/sequences.py": {"table": OURS},
    "orchestration/assets/journal.py": {"table": OURS},
    "pipeline/segments.py": {"relation": COMPILED},
    "landing/lead_table.py": {
        "column": QUOTED,
        "fits": QUOTED,
        "sql_type": TYPE,
        "row['sql_type']": TYPE,
        "' not null' if row['is_required'] else ''": OURS,
        "added": QUOTED,
        "', '.join([*kept, *added])": QUOTED,
    },
    "landing/staging.py": {
        "self._kind": OURS,
        "table": OURS,
        "', '.join(content)": QUOTED,
        "f'raw.{self._kind}'": OURS,
        "_KEYS[self._kind]": OURS,
        "columns": QUOTED,
    },
    "delivery/lead_fields.py": {"columns": QUOTED},
    "delivery/shards.py": {"columns": QUOTED},
    "delivery/losses.py": {"log": OURS},
    "pipeline/commits.py": {"table": OURS, "select": STATEMENT},
    "pipeline/run_compiled.py": {
        "relation": COMPILED,
        "sql": COMPILED,
        "', '.join(keys)": QUOTED,
        "replaced": QUOTED,
        "same": QUOTED,
        "node.relation": COMPILED,
        "node.sql": COMPILED,
        "columns": QUOTED,
        "type_": TYPE,
        "schema": COMPILED,
        "options": QUOTED,
        "counts": COMPILED,
        "count": COMPILED,
        "warn_if": COMPILED,
        "error_if": COMPILED,
    },
    "pipeline/tick_journal.py": {"select": STATEMENT, "rows": STATEMENT, "table": STATEMENT},
    "pipeline/content.py": {
        "row_struct(columns)": QUOTED,
    },
    "pipeline/intake_rows.py": {
        "relation": COMPILED,
        **dict.fromkeys(("columns.landed", "columns.is_own_key", "columns.fields('$as_of')"), QUOTED),
        **dict.fromkeys(("columns.key('$as_of')", "columns.key('_drips_as_of')", "columns.digest('$as_of')"), QUOTED),
        "'cast(null as uuid)' if is_absent else columns.digest('_drips_as_of')": QUOTED,
        "f'known.key is null or {digest}' if kind == 'leads' else 'known.key is null'": OURS,
        **dict.fromkeys(("column", "named", "own", "value", "', '.join(parts)", "self.named('created_at')"), QUOTED),
        "f'to_json({column})' if is_nested else column": QUOTED,
        "_listed(alike)": QUOTED,
        "_listed(list(places.values()))": QUOTED,
        "told": QUOTED,
        "landed": TYPE,
    },
    "preview/content.py": {"row_struct(columns)": QUOTED},
    "sequence_tests/given_content.py": {"casts": QUOTED, "type_": TYPE},
    "pipeline/publish_parts.py": {"asked": QUOTED},
    "warehouse/marts_watermark.py": {"table": OURS},
    "pipeline/publish_tables.py": {
        "name": QUOTED,
        "schema": QUOTED,
        "table.relation": QUOTED,
        "_PARQUET": OURS,
        "STORAGE": OURS,
        "asked": QUOTED,
    },
    "pipeline/status.py": {"name": OURS, "sql": STATEMENT},
    "preview/missing.py": {"counts": QUOTED},
    "privacy/search.py": {"name": QUOTED},
    "privacy/export.py": {"relation": OURS, "key": OURS, "address": OURS},
    "sequence_tests/models.py": {"model.relation": STATEMENT, "model.select": STATEMENT, "select": STATEMENT},
    "sequences/versions.py": {"table": OURS},
    "warehouse/duckdb_file.py": {
        "table": OURS,
        "STORAGE": OURS,
        "casts": QUOTED,
        "types[name]": TYPE,
        "select": STATEMENT,
        "column": QUOTED,
        "sql_type": TYPE,
        "using": QUOTED,
        "options": OURS,
    },
    "warehouse/copies.py": {
        **dict.fromkeys(
            ("relation", "columns", "text", "', '.join(parts)", "', '.join(map(quoted_name, types))"), QUOTED
        ),
        "', '.join((_value(column, type_) for column, type_ in types.items()))": QUOTED,
        "', '.join((f\"{quoted_text(column)}: 'VARCHAR'\" for column in types))": QUOTED,
        "f'cast({text} as json)' if type_.endswith(']') else text": QUOTED,
        "type_": TYPE,
        "str(min(size, _LONGEST_LINE) if size > _SHORT_LINE else _SHORT_LINE)": OURS,
    },
    "warehouse/postgres.py": {
        "table": OURS,
        "key": QUOTED,
        "names": QUOTED,
        "select": STATEMENT,
        "columns": QUOTED,
        "_FROM_PARQUET": OURS,
    },
    "warehouse/statements.py": {"parts": QUOTED},
    "warehouse/postgres_relations.py": {"made.relation": COMPILED, "made.select": COMPILED, "_SCRATCH": OURS},
    "warehouse/postgres_sql.py": {"found[1]": STATEMENT, "found[2]": STATEMENT},
}


def spliced(tree: ast.Module) -> Iterator[str]:
    """What goes into SQL texts of a module, as written, but for calls of the quoting functions."""
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr) and _is_sql(node.values[0] if node.values else None):
            parts = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)) and _is_sql(node.left):
            parts = [node.right]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_format = node.func.attr in ("format", "format_map") and _is_sql(node.func.value)
            is_template = node.func.attr in ("substitute", "safe_substitute")
            if is_format or is_template:
                parts = [*node.args, *(keyword.value for keyword in node.keywords)]
        for part in parts:
            is_quoted = isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in QUOTING
            if not is_quoted and not isinstance(part, ast.Constant):
                yield ast.unparse(part)


def _is_sql(node: ast.expr | None) -> bool:
    if isinstance(node, ast.JoinedStr):
        return bool(node.values) and _is_sql(node.values[0])
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(SQL.match(node.value))


def test_whatever_python_puts_into_sql_is_quoted_or_was_reviewed():
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        if expressions := set(spliced(ast.parse(file.read_text(encoding="utf-8")))):
            found[file.relative_to(PACKAGE).as_posix()] = expressions
    unknown = {name: expressions - REVIEWED.get(name, {}).keys() for name, expressions in found.items()}
    assert {name: expressions for name, expressions in unknown.items() if expressions} == {}


@pytest.mark.parametrize(
    "source",
    [
        "warehouse.execute(f'select * from {name}')",
        "f'alter table x add column \"{name}\" varchar'",
        "'select ' + name",
        "'select %s' % name",
        "'insert into {}'.format(name)",
        "Template(text).substitute(columns=name)",
    ],
)
def test_the_search_sees_every_way_of_splicing(source):
    assert list(spliced(ast.parse(source))) == ["name"]


def dbt_files() -> list[Path]:
    """SQL of the product, dbt's included, and of this repository's own project; not what dbt made of it."""
    ours = [path for path in (REPOSITORY / "dbt_project").rglob("*.sql") if not {*MADE} & set(path.parts)]
    return [*PACKAGE.rglob("*.sql"), *ours]


def test_no_placeholder_of_an_sql_file_stands_in_a_comment_or_a_literal():
    for file in dbt_files():
        text = re.sub(r"\{#.*?#\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        for line in text.splitlines():
            comment = line.partition("--")[2]
            is_hint = comment.startswith(" depends_on: ")  # dbt's own, a name of ours
            assert is_hint or not re.search(r"\$\{|\{\{", comment), f"{file.name}: {line}"
            assert not re.search(r"'[^']*\$\{[^']*'", line), f"{file.name}: {line}"


# What dbt puts between quotes: names that the pipeline checked, constants, and what a model's author wrote.
# `change`, `day`, `key`, `model` and `name` run over lists of constants in the models and macros themselves.
LITERALS = {
    *("because", "change", "day", "key", "links_at_once()", "model", "name", "segment", "stage"),
    *("'{' ~ name ~ '}'", "'{' ~ path | replace('.', ',') ~ '}'", 'tag | replace("\'", "\'\'")'),
    # of `spark_text`
    r"""value | string | replace("\\", "\\\\") | replace("'", "\\'")""",
}


def test_what_dbt_puts_between_quotes_is_known():
    found = set()
    for file in dbt_files():
        found |= set(re.findall(r"'\{\{ (.*?) \}\}'", file.read_text(encoding="utf-8")))
    assert found <= LITERALS


NASTY = [
    'a"b',
    "a'b",
    "a--b",
    "a/*b",
    "a;b",
    "$1",
    "${columns}",
    "{{ x }}",
    "a\\b",
    "é",
    "\u202e",
    " a ",
    "😀",
    "select",
]


@pytest.mark.parametrize("name", NASTY)
def test_a_quoted_name_is_that_name_and_nothing_else(name):
    assert field_name_problem(name) is None
    connection = duckdb.connect()
    connection.execute(f"create table t ({quoted_name(name)} varchar)")
    connection.execute(f"insert into t values ({quoted_text(name)})")
    result = connection.execute(f"select {quoted_name(name)} from t")
    assert [column[0] for column in result.description] == [name]
    assert result.fetchall() == [(name,)]


@pytest.mark.parametrize("name", ["", "a\x00b"])
def test_what_no_quoting_helps_is_refused(name):
    with pytest.raises(ValueError, match="can't stand in SQL"):
        quoted_name(name)
