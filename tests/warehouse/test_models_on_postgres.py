"""The models on a PostgreSQL server: made there by dbt, their unit tests the same as on DuckDB.

One `dbt build` against a server of the test's own. What doesn't run there yet is listed here, and nowhere else. Other
warehouses can't be had here: of their SQL no more is known than that a parser of their dialect reads ours.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
import sqlglot
from conftest import copy_project
from postgres_server import postgres_server
from warehouse_on_postgres import dbt, prepare

pytestmark = pytest.mark.slow

MODELS_NOT_YET: frozenset[str] = frozenset()
"""Models that PostgreSQL doesn't take yet; whatever reads them isn't made there either."""
TESTS_NOT_YET: frozenset[str] = frozenset()
"""Unit tests of models that it takes, and that differ there yet."""
UNREAD = {"snowflake": set[str](), "bigquery": {"experiment_results"}, "databricks": set[str](), "redshift": set[str]()}
"""By dialect: models whose SQL its parser doesn't read."""


@dataclass(frozen=True)
class Built:
    """What became of each node, by kind and name; dbt's words for what went wrong; the models' layers and SQL."""

    statuses: dict[tuple[str, str], str]
    messages: dict[str, str]
    layers: dict[str, str]
    tested: dict[str, str]
    sql: dict[str, str]

    def of(self, kind: str, *statuses: str) -> set[str]:
        return {
            name
            for (its_kind, name), status in self.statuses.items()
            if (its_kind, status) in {(kind, s) for s in statuses}
        }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    project = copy_project(tmp_path_factory.mktemp("postgres") / "project")
    with postgres_server() as server:
        prepare(server)
        kinds = [word for kind in ("model", "seed", "unit_test") for word in ("--resource-type", kind)]
        results = dbt(server, project, "build", *kinds)
    manifest = json.loads((project.dbt / "on_postgres" / "target" / "manifest.json").read_text(encoding="utf-8"))
    return _built(results, manifest)


def _built(results: dict[str, Any], manifest: dict[str, Any]) -> Built:
    statuses, messages, sql = {}, {}, {}
    for result in results["results"]:
        kind, *_, name = result["unique_id"].split(".")
        statuses[kind, name] = result["status"]
        messages[name] = result["message"] or ""
        if kind == "model":
            sql[name] = result["compiled_code"]
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    ours = {node["name"]: node["fqn"][1] for node in models if node["package_name"] == "drips"}
    tested = {node["name"]: node["model"] for node in manifest["unit_tests"].values()}
    return Built(statuses, messages, ours, tested, sql)


def test_all_models_are_made_but_those_that_are_listed(built: Built) -> None:
    failed = built.of("model", "error")
    assert {name: built.messages[name] for name in failed - MODELS_NOT_YET} == {}
    assert failed == MODELS_NOT_YET
    made = Counter(built.layers[name] for name in built.of("model", "success") if name in built.layers)
    assert made.keys() >= {"staging", "kept", "decide", "after_sending"}


def test_unit_tests_of_what_is_made_hold_but_those_that_are_listed(built: Built) -> None:
    failed = built.of("unit_test", "fail", "error")
    assert {name: built.messages[name] for name in failed - TESTS_NOT_YET} == {}
    assert failed == TESTS_NOT_YET
    held = Counter(built.layers[built.tested[name]] for name in built.of("unit_test", "pass"))
    assert held["staging"] > 10
    assert held["decide"] > 80


@pytest.mark.parametrize("dialect", UNREAD)
def test_parsers_of_other_warehouses_read_the_sql_of_all_models_but_those_that_are_listed(
    built: Built, dialect: str
) -> None:
    assert len(built.sql) > 100
    unread = {}
    for name, sql in built.sql.items():
        try:
            sqlglot.parse_one(sql, dialect=dialect)
        except sqlglot.errors.ParseError as error:
            unread[name] = str(error)
    assert unread.keys() == UNREAD[dialect], unread
