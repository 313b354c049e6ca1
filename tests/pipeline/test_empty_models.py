"""What a model is said to be empty without (`empty_without` in its `meta`) is what its rows come from."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest
from conftest import SCENARIOS, copy_project

from dagster_drips.clock import parse_instant
from dagster_drips.pipeline.compiled_runs import CompiledNode
from dagster_drips.pipeline.dbt_runner import AFTER_SENDING, DECIDE, Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.warehouse import Warehouse, open_warehouse

pytestmark = pytest.mark.slow

TICKS = ("2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Warehouse, dict[str, CompiledNode]]]:
    """A warehouse in the midst of a tick that lets people in and has mail due, and that tick's models by name."""
    scenario = SCENARIOS / "spring"
    project = copy_project(
        tmp_path_factory.mktemp("lived") / "project",
        sequences=scenario / "sequences",
        segments=scenario / "dbt_project" / "models" / "segments",
        data=scenario / "data",
    )
    transform = Transform(project)
    pipeline = Pipeline(project, transform, journal=None)
    before, last = parse_instant(TICKS[0]), parse_instant(TICKS[1])
    with open_warehouse(project.warehouse) as warehouse:
        pipeline.tick(warehouse, before, settings=None, measure=False)
        pipeline.begin(warehouse, last)
        pipeline.decide(warehouse)
        transform.run("run", (*DECIDE, *AFTER_SENDING))
        yield warehouse, {node.name: node for node in transform.kept or ()}


@contextmanager
def emptied(warehouse: Warehouse, relations: tuple[str, ...]) -> Generator[None]:
    """Inside it they have no rows; a view among them is a table meanwhile."""
    warehouse.execute("begin")
    try:
        for relation in relations:
            kind = warehouse.value(
                "select table_type from information_schema.tables where table_schema || '.' || table_name = ?",
                [relation.replace('"', "").removeprefix("warehouse.")],
            )
            if kind == "VIEW":
                warehouse.execute(f"create temp table columns_of_it as from {relation} limit 0")
                warehouse.execute(f"drop view {relation}")
                warehouse.execute(f"create table {relation} as from columns_of_it")
                warehouse.execute("drop table columns_of_it")
            else:
                warehouse.execute(f"delete from {relation}")
        yield
    finally:
        warehouse.execute("rollback")


def rows_without(warehouse: Warehouse, node: CompiledNode, relations: tuple[str, ...]) -> int:
    with emptied(warehouse, relations):
        return warehouse.value(f"select count(*) from (\n{node.sql}\n)")


def test_without_them_a_model_has_no_rows(lived: tuple[Warehouse, dict[str, CompiledNode]]) -> None:
    warehouse, nodes = lived
    said = {name: node for name, node in nodes.items() if node.empty_without}
    assert {"data_gates", "judged_occurrences", "new_enrollment_exits", "step_candidates", "due_steps"} <= said.keys()
    left = {name: rows_without(warehouse, node, node.empty_without) for name, node in said.items()}
    assert {name: rows for name, rows in left.items() if rows} == {}
    with_them = {name: warehouse.value(f"select count(*) from (\n{node.sql}\n)") for name, node in said.items()}
    assert len([name for name, rows in with_them.items() if rows]) >= len(said) // 2


def test_of_a_model_that_has_other_rows_it_could_not_be_said(
    lived: tuple[Warehouse, dict[str, CompiledNode]],
) -> None:
    warehouse, nodes = lived
    assert rows_without(warehouse, nodes["live_sequences"], ('"warehouse"."raw"."engagement"',)) > 0
