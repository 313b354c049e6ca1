"""That the rules can be found: each is named where it lives, and by a test that holds it.

The unit tests themselves run under dbt; here only the documentation beside the models is read.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import DBT_PACKAGE
from rule_ids import cited_ids, prose_of, rule_ids

TESTS = Path(__file__).parents[1]
DBT = DBT_PACKAGE

# Held elsewhere than in SQL, by these tests: T3 is about the whole project, S2 about reading sequence files.
OUTSIDE_SQL = {"T3": "end_to_end/test_scenarios.py", "S2": "sequences/test_versions.py"}
RULES = [rule for rule in rule_ids() if rule not in OUTSIDE_SQL]
LAYERS = ("staging", "decide", "after_sending", "marts")
# `now()` and its kin, as calls or keywords.
COMMENTS = re.compile(r"--[^\n]*|{#.*?#}|/\*.*?\*/", re.S)
WALL_CLOCK = re.compile(
    r"\b(now|today|get_current_timestamp|getdate|sysdate)\s*\(|\bcurrent_(timestamp|date|time)\b", re.I
)


@cache
def _document(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _entries(key: str) -> list[dict[str, Any]]:
    files = sorted([*DBT.glob("models/**/*.yml"), *DBT.glob("macros/**/*.yml")])
    return [entry for file in files for entry in (_document(file).get(key) or [])]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_named_by_the_description_of_where_it_lives(rule: str) -> None:
    described = [*_entries("models"), *_entries("macros")]
    assert [entry["name"] for entry in described if rule in cited_ids(entry.get("description", ""))]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_held_by_a_unit_test(rule: str) -> None:
    tests = _entries("unit_tests")
    assert [test["name"] for test in tests if rule in cited_ids(f"{test['name']} {test.get('description', '')}")]


@pytest.mark.parametrize(("rule", "file"), OUTSIDE_SQL.items())
def test_a_rule_outside_of_sql_is_held_by_a_python_test(rule: str, file: str) -> None:
    assert rule in cited_ids(prose_of(TESTS / file))


@pytest.mark.parametrize("layer", LAYERS)
def test_every_model_says_what_one_row_of_it_is(layer: str) -> None:
    descriptions = {entry["name"]: entry.get("description", "") for entry in _entries("models")}
    models = {path.stem for path in (DBT / "models" / layer).rglob("*.sql")}
    assert models
    assert {name for name in models if not descriptions.get(name, "").startswith("One row")} == set()


def test_every_macro_is_described() -> None:
    macros = {
        name
        for path in DBT.glob("macros/**/*.sql")
        for name in re.findall(r"{%-?\s*macro\s+(\w+)", path.read_text(encoding="utf-8"))
    }
    assert macros
    macros |= {f"test_{path.stem}" for path in DBT.glob("tests/generic/*.sql")}
    assert macros == {entry["name"] for entry in _entries("macros") if entry.get("description")}


def test_no_description_is_left_of_a_model_that_is_gone() -> None:
    models = {path.stem for path in DBT.glob("models/**/*.sql")}
    assert {entry["name"] for entry in _entries("models")} - models == set()


def test_no_model_or_macro_asks_the_wall_clock() -> None:
    # T1: every decision uses `as_of`.
    asking = {
        path.relative_to(DBT).as_posix(): match.group()
        for path in [*DBT.glob("models/**/*.sql"), *DBT.glob("macros/**/*.sql")]
        if (match := WALL_CLOCK.search(COMMENTS.sub("", path.read_text(encoding="utf-8"))))
    }
    assert asking == {}
