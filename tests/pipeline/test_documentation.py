"""No column, table, macro or test of the dbt project is undocumented, and BI sees what stands there.

What is compared is the catalog of a warehouse that was built, and dbt's manifest of the same project.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
from conftest import copy_project

from dagster_drips.pipeline.descriptions import CUSTOM_FIELD
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.segments import current_manifest_json
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

OURS = {("journal", name) for name in ("folded_deliveries", "failed_tests", "message_content")} | {
    ("raw", name)
    for name in (
        *("completions", "due_content", "file_states", "gate_lineage", "next_watermark", "prepared_files"),
        *("prepared_models", "sending_stops", "left_waiting"),
        *("intake_files", "intake_models", "intake_problems", "intake_rows"),
    )
}
"""Bookkeeping of Python's own, which no model reads."""
LEAD = '{"lead_id": "L1", "created_at": "2026-03-01T10:00:00Z", "email": "ada@shop.example", "shoe_size": "41"}\n'
TAGS = re.compile(r"{%-?\s*(macro|test)\s+(\w+)\s*(\(.*?\))\s*-?%}", re.DOTALL)


@dataclass(frozen=True)
class Built:
    project: Project
    manifest: Mapping[str, Any]
    catalog: Mapping[tuple[str, str], list[str]]

    def documented(self) -> dict[tuple[str, str], dict[str, str]]:
        """Descriptions of columns by schema and table, of whatever dbt knows."""
        nodes = [node for node in self.manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
        return {
            (node["schema"], node.get("alias") or node["identifier"]): {
                name: column["description"] for name, column in node["columns"].items()
            }
            for node in [*nodes, *self.manifest["sources"].values()]
        }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    project = copy_project(tmp_path_factory.mktemp("documented") / "project")
    leads = project.landing / "leads"
    leads.mkdir(parents=True)
    (leads / "1.jsonl").write_text(LEAD)
    pipeline = Pipeline.of(project)
    with open_warehouse(project.warehouse) as warehouse:
        report = pipeline.tick(warehouse, settings=None)
        assert report.measured
        assert [node.name for node in report.measured if node.failed] == []
        publish(warehouse, project.published, pipeline.transform.descriptions())
        catalog: dict[tuple[str, str], list[str]] = {}
        kept = "select * from information_schema.columns where table_catalog <> 'temp' order by ordinal_position"
        for row in warehouse.rows(kept):
            catalog.setdefault((row["table_schema"], row["table_name"]), []).append(row["column_name"])
    return Built(project, json.loads(current_manifest_json(project, pipeline.transform).read_text()), catalog)


@pytest.fixture(scope="module")
def custom_fields(built: Built, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What `project.yml` and the landed file bring beyond the columns of a new warehouse."""
    with open_warehouse(tmp_path_factory.mktemp("new") / "warehouse.duckdb") as warehouse:
        known = warehouse.columns("raw.leads")
    return {name for name in built.catalog["raw", "leads"] if name not in known}


def test_every_column_of_the_warehouse_is_documented_and_nothing_else_is(built: Built, custom_fields: set[str]) -> None:
    assert "shoe_size" in custom_fields
    documented = built.documented()
    assert documented.keys() == built.catalog.keys() - OURS
    undocumented = {
        (*table, name)
        for table, columns in documented.items()
        for name in built.catalog[table]
        if not columns.get(name, "").strip()
    }
    landed = (
        *(("raw", "leads"), ("staging", "changed_leads"), ("kept", "current_leads"), ("staging", "stg_leads")),
        ("marts", "lead_profiles"),
    )
    assert undocumented == {(*table, name) for table in landed for name in custom_fields}
    assert {
        (*table, name) for table, columns in documented.items() for name in columns if name not in built.catalog[table]
    } == set()


def test_whatever_dbt_knows_is_described(built: Built) -> None:
    manifest = built.manifest
    kinds = ("nodes", "sources", "macros", "exposures", "unit_tests")
    found = [node for kind in kinds for node in manifest[kind].values() if node["package_name"] == "drips"]
    assert {node["resource_type"] for node in found} >= {"model", "seed", "source", "macro", "exposure", "unit_test"}
    # A generic data test says by its name what it asks.
    assert [
        node["unique_id"] for node in found if not node["description"].strip() and not node.get("test_metadata")
    ] == []


def test_the_arguments_of_macros_are_those_that_are_documented(built: Built) -> None:
    documented, there = {}, {}
    for macro in built.manifest["macros"].values():
        if macro["package_name"] != "drips":
            continue
        ((tag, name, arguments),) = TAGS.findall(macro["macro_sql"])
        found = jinja2.Environment().parse(f"{{% macro {name}{arguments} %}}{{% endmacro %}}")
        (node,) = found.find_all(jinja2.nodes.Macro)
        there[macro["name"]] = [argument.name for argument in node.args]
        assert macro["name"] == (f"test_{name}" if tag == "test" else name)
        documented[macro["name"]] = [argument["name"] for argument in macro["arguments"] if argument["description"]]
    assert len(there) > 50
    # What is dispatched to is documented where it is called.
    dispatched = {name for name in there if "__" in name and not documented[name]}
    assert {name: arguments for name, arguments in documented.items() if name not in dispatched} == {
        name: arguments for name, arguments in there.items() if name not in dispatched
    }
    assert {name: there[name] for name in dispatched} == {
        name: documented[name.partition("__")[2]] for name in dispatched
    }


def test_the_published_database_says_what_its_tables_and_columns_are(built: Built, custom_fields: set[str]) -> None:
    models = {node["name"]: node for node in built.manifest["nodes"].values() if node["schema"] == "marts"}
    with duckdb.connect(built.project.published / "drips.duckdb", read_only=True) as database:
        tables = database.execute(
            "select table_name, comment from duckdb_tables() where schema_name = 'marts'"
            " union all select view_name, comment from duckdb_views() where not internal"
        ).fetchall()
        columns = database.execute(
            "select table_name, column_name, comment from duckdb_columns() where schema_name = 'marts'"
        ).fetchall()
    assert dict(tables) == {name: models[name]["description"].strip() for name in dict(tables)}
    assert len(tables) == len({name for schema, name in built.catalog if schema == "marts"})
    assert len(columns) > 300
    for table, column, comment in columns:
        if table == "lead_profiles" and column in custom_fields:
            assert comment == CUSTOM_FIELD
        else:
            assert comment == models[table]["columns"][column]["description"].strip()


def test_sources_tell_what_has_not_come_for_too_long(built: Built, tmp_path: Path) -> None:
    command = ["dbt", "source", "freshness", "--project-dir", built.project.dbt, "--profiles-dir", built.project.dbt]
    environment = os.environ | {
        "DRIPS_WAREHOUSE": str(built.project.warehouse),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    found = tmp_path / "sources.json"
    done = subprocess.run(
        [*command, "--quiet", "--output", found], env=environment, capture_output=True, text=True, check=False
    )
    assert found.exists(), done.stdout + done.stderr
    states = {result["unique_id"]: result["status"] for result in json.loads(found.read_text())["results"]}
    assert states == {
        "source.drips.raw.tick": "pass",
        "source.drips.raw.loaded_files": "pass",
        "source.drips.raw.leads": "pass",
        "source.drips.raw.events": "warn",
        "source.drips.raw.engagement": "warn",
    }
