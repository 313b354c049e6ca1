"""Doing a kept run again: the statements that dbt would run, without dbt.

What belongs here: what becomes of each node, in their order. What does not: which runs are kept (`compiled_runs`), and
what any of them decides (the models' own matter).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import duckdb
import msgspec

from dagster_drips.pipeline.compiled_runs import CompiledNode
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.run_constants import constants, constants_made_by, with_constants
from dagster_drips.warehouse import Place, Warehouse, open_warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


def run_compiled(
    nodes: Sequence[CompiledNode],
    warehouse: Place,
    dbt: Path,
    *,
    are_made: bool = False,
    views_of_now: Sequence[CompiledNode] = (),
) -> list[NodeResult]:
    """Do a run again; a node that fails leaves the others, but for those that read it.

    Args:
        nodes: the run, in order.
        warehouse: the file to write.
        dbt: the project's folder, for its seeds and for files that models name.
        are_made: tables that are there were made by these nodes, so that they have their columns.
        views_of_now: views that these nodes read, which have the tick's instant as a literal meanwhile: whoever asks
            for the events of some days by such a view passes over those of all other days.
    """
    results: list[NodeResult] = []
    failed: set[str] = set()
    with open_warehouse(warehouse, prepared=True) as connection, ExitStack() as stack:
        # Where dbt stands while it runs: a model may name files by their path from there.
        connection.execute(_STATEMENTS["set_file_search_path"], [str(dbt)])
        tables = _make_room(connection, nodes)
        values = constants(connection)
        stack.enter_context(_as_of_now(connection, views_of_now, values))
        for node in nodes:
            if failed.intersection(node.parents):
                result = NodeResult(node.unique_id, "skipped", "", 0.0, None)
            else:
                # A view outlives the run.
                known = (
                    node if node.kind == "view" else msgspec.structs.replace(node, sql=with_constants(node.sql, values))
                )
                is_there = node.relation in tables
                result = _run(connection, known, dbt, is_there=is_there, may_be_emptied=is_there and are_made)
            if result.status in ("error", "skipped"):
                failed.add(node.unique_id)
            else:
                values |= constants_made_by(connection, node.name)
            results.append(result)
    return results


@contextmanager
def _as_of_now(
    warehouse: Warehouse, views: Sequence[CompiledNode], values: Mapping[tuple[str, str], str]
) -> Generator[None]:
    changed = [node for node in views if with_constants(node.sql, values) != node.sql]
    for node in changed:
        warehouse.execute(_create_view(node.relation, with_constants(node.sql, values)))
    try:
        yield
    finally:
        for node in changed:
            warehouse.execute(_create_view(node.relation, node.sql))


def _create_view(relation: str, sql: str) -> str:
    return f"create or replace view {relation} as (\n{sql}\n)"


def _run(
    warehouse: Warehouse, node: CompiledNode, dbt: Path, *, is_there: bool, may_be_emptied: bool = False
) -> NodeResult:
    began = time.monotonic()
    status, message, failures = "success", "", None
    try:
        if node.kind == "test":
            status, message, failures = _tested(warehouse, node)
        elif may_be_emptied and has_no_rows(warehouse, node.empty_without):
            # Planning what finds nothing is most of an idle tick.
            if node.kind == "table":
                warehouse.execute(f"delete from {node.relation}")
        elif node.kind == "incremental":
            _merge(warehouse, node, is_there=is_there)
        else:
            for statement in _statements(node, dbt):
                warehouse.execute(statement)
    except duckdb.Error as error:
        status, message = "error", str(error)
    return NodeResult(node.unique_id, status, message, time.monotonic() - began, failures)


def has_no_rows(warehouse: Warehouse, relations: Sequence[str]) -> bool:
    """Whether all of these relations are empty; not where there are none."""
    return bool(relations) and not any(
        warehouse.value(f"select exists (select 1 from {relation})") for relation in relations
    )


def _statements(node: CompiledNode, dbt: Path) -> Iterator[str]:
    if node.kind == "view":
        yield _create_view(node.relation, node.sql)
    elif node.kind == "seed":
        columns = ", ".join(f"{quoted_name(name)} {type_}" for name, type_ in node.columns.items())
        options = f"format csv, header true, delimiter {quoted_text(node.delimiter)}"
        yield f"create or replace table {node.relation} ({columns})"
        yield f"copy {node.relation} from {quoted_text(str(dbt / node.file))} ({options})"
    else:
        yield _create_table(node)


def _create_table(node: CompiledNode) -> str:
    # A line of its own for the parenthesis: the last one of a model may be a comment.
    if not node.columns:
        return f"create or replace table {node.relation} as (\n{node.sql}\n)"
    columns = ", ".join(quoted_name(name) for name in node.columns)
    return f"create or replace table {node.relation} as (select {columns} from (\n{node.sql}\n) as contracted)"


def _merge(warehouse: Warehouse, node: CompiledNode, *, is_there: bool) -> None:
    """New rows in the place of those with their keys (dbt's `delete+insert`); the whole table where there is none."""
    if not is_there:
        warehouse.execute(_create_table(node))
        return
    keys = [quoted_name(name) for name in node.key]
    same = " and ".join(f"kept.{key} = replaced.{key}" for key in keys)
    with warehouse.transaction():
        warehouse.execute(f"create or replace temp table new_rows as (\n{node.sql}\n)")
        if warehouse.value(_STATEMENTS["has_new_rows"]):
            warehouse.find_by(node.relation, node.key)
            replaced = f"(select distinct {', '.join(keys)} from new_rows)"
            with warehouse.by_keys():
                warehouse.execute(f"delete from {node.relation} as kept using {replaced} as replaced where {same}")
            warehouse.execute(f"insert into {node.relation} by name select * from new_rows")


def _tested(warehouse: Warehouse, node: CompiledNode) -> tuple[str, str, int]:
    """Status, message and failures of a data test, by dbt's own terms."""
    count, warn_if, error_if = node.test
    counts = f"{count} as failures, {count} {warn_if} as warns, {count} {error_if} as fails"
    row = warehouse.rows(f"select {counts} from (\n{node.sql}\n) as tested")[0]
    failures = int(row["failures"])
    said = f"Got {failures} result{'' if failures == 1 else 's'}, configured to"
    if node.is_error and row["fails"]:
        return "fail", f"{said} fail if {error_if}", failures
    if row["warns"]:
        return "warn", f"{said} warn if {warn_if}", failures
    return "pass", "", 0


def _make_room(warehouse: Warehouse, nodes: Sequence[CompiledNode]) -> set[str]:
    """Schemas for what is to be made; and what another state of the project made as the other kind goes.

    Returns:
        The tables that there are.
    """
    made = [node for node in nodes if node.relation]
    if not made:
        return set()
    for schema in {node.relation.rpartition(".")[0] for node in made}:
        warehouse.execute(f"create schema if not exists {schema}")
    views, tables = _relations(warehouse, "views"), _relations(warehouse, "tables")
    for node in made:
        if node.kind == "view" and node.relation in tables:
            warehouse.execute(f"drop table {node.relation}")
        elif node.kind != "view" and node.relation in views:
            warehouse.execute(f"drop view {node.relation}")
    return tables


def _relations(warehouse: Warehouse, kind: Literal["views", "tables"]) -> set[str]:
    return {row["relation"] for row in warehouse.rows(_STATEMENTS[kind])}
