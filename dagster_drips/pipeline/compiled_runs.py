"""dbt runs done again from the SQL that dbt compiled, without dbt.

Importing dbt, its parse and its own work on a node cost several times what a tick's SQL does, and since the tick's
instant stands in a table (T1) the SQL is the same text at every tick. So a run is kept, under a fingerprint of all
files of the dbt project and its packages, and done again from there until one of them changes.

What belongs here: which runs can be kept, where they lie, and doing them as dbt does. What does not: compiling (dbt),
and whether Jinja depends on more than files (`changeable_sql`).
A run is kept only where it consists of plain tables, views, seeds, data tests and incremental models by key whose SQL
depends on nothing but those files; whatever else there is (hooks, grants, incremental models of other kinds, Jinja that
asks the database, the environment or the clock, a profile with extensions or attached databases) leaves the run to dbt.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import msgspec

from dagster_drips.files import atomic_write
from dagster_drips.pipeline.changeable_sql import implementations_of, is_changeable
from dagster_drips.pipeline.descriptions import Description
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.run_constants import constants, with_constants
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

FOLDER = "compiled_runs"
"""In a target folder: a file for each state of the dbt project. What is kept in another shape wants another name."""
_KEPT_STATES = 16
_STATEMENTS = named_statements(Path(__file__).with_name("compiled_runs.sql"))

_PROFILE_EXTRAS = (
    *("config_options", "extensions", "settings", "secrets", "attach", "filesystems", "remote", "plugins"),
    *("module_paths", "retries", "is_ducklake", "use_credential_provider", "flights", "motherduck_token"),
)


Kind = Literal["table", "view", "seed", "test", "incremental"]


class CompiledNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node as dbt compiled it.

    Args:
        unique_id: dbt's.
        kind: what it makes.
        relation: its quoted name; empty for a test.
        parents: what it reads; it is skipped where one of them failed.
        sql: the select of a table, view or test; empty for a seed.
        columns: those of an enforced contract in its order, or of a seed with their types.
        file: of a seed, below the dbt project.
        delimiter: of that file.
        key: of an incremental model, the columns by which its new rows replace the old.
        is_error: whether a failing test is one; else it warns.
        test: of a test, what counts its failures (`fail_calc`), and when they warn and fail (`warn_if`, `error_if`).
    """

    unique_id: str
    kind: Kind
    relation: str = ""
    parents: tuple[str, ...] = ()
    sql: str = ""
    columns: dict[str, str] = {}
    key: tuple[str, ...] = ()
    file: str = ""
    delimiter: str = ","
    is_error: bool = True
    test: tuple[str, str, str] = ("count(*)", "!= 0", "!= 0")

    @property
    def name(self) -> str:
        """The node's own name: `stg_leads`."""
        return self.unique_id.split(".")[2]


class _State(msgspec.Struct):
    """What is known of one state of a dbt project: its runs by dbt's arguments, descriptions, which models failed."""

    runs: dict[str, list[CompiledNode]] = {}
    descriptions: dict[str, Description] = {}
    failing: list[CompiledNode] = []


class CompiledRuns:
    """The runs of one state of a dbt project.

    Args:
        folder: where to keep them.
        fingerprint: of the state.
        elsewhere: where to look for them, too.
    """

    def __init__(self, folder: Path, fingerprint: str, elsewhere: Sequence[Path] = ()):
        self._file = folder / f"{fingerprint}.msgpack"
        self._state: _State | None = None
        for place in (folder, *elsewhere):
            # Half a file is none.
            with suppress(OSError, msgspec.DecodeError):
                self._state = msgspec.msgpack.decode((place / self._file.name).read_bytes(), type=_State)
                break

    @property
    def is_known(self) -> bool:
        """Whether dbt has read this state of the project before, and ran it."""
        return self._state is not None

    def descriptions(self) -> dict[str, Description]:
        """What the marts and their columns are, by name; only where the state is known."""
        return self._state.descriptions if self._state else {}

    def find(self, arguments: Sequence[str]) -> list[CompiledNode] | None:
        """The nodes of a run in their order; None where it isn't kept."""
        return self._state.runs.get(" ".join(arguments)) if self._state else None

    def keep(self, arguments: Sequence[str], nodes: list[CompiledNode], descriptions: dict[str, Description]) -> None:
        """Keep a run; of the states of the project the latest stay."""
        state = self._state or _State({}, descriptions)
        state.runs[" ".join(arguments)] = nodes
        self._write(state)

    def failing(self) -> list[CompiledNode]:
        """Models that had no result when the project was run last, as `keep_failing` was given them."""
        return self._state.failing if self._state else []

    def keep_failing(self, nodes: list[CompiledNode]) -> None:
        """Keep which models have no result; written only where that is news."""
        if nodes != self.failing():
            state = self._state or _State()
            state.failing = nodes
            self._write(state)

    def _write(self, state: _State) -> None:
        self._state = state
        atomic_write(self._file, msgspec.msgpack.encode(state))
        states = sorted(self._file.parent.glob("*.msgpack"), key=lambda path: path.stat().st_mtime)
        for outdated in states[:-_KEPT_STATES]:
            outdated.unlink(missing_ok=True)


def compiled_nodes(manifest: Manifest, results: Sequence[Any], warehouse: Path) -> list[CompiledNode] | None:
    """The nodes of a dbt run in their order; None where it is to be left to dbt.

    Args:
        manifest: of the project that was run.
        results: dbt's own.
        warehouse: the file that it wrote.
    """
    if not _leaves_its_sql(manifest):
        return None
    implementations = implementations_of(manifest.macros)
    nodes = []
    for result in results:
        is_fixed = _is_compiled(result) and not is_changeable(result.node, manifest, implementations)
        compiled = _compiled(result.node, manifest) if is_fixed else None
        if compiled is None:
            return None
        nodes.append(compiled)
    return _with_types_of_seeds(nodes, warehouse)


def _is_compiled(result: Any) -> bool:
    """Whether there is SQL of a node to do again: of one that failed too, where it was the database that refused it."""
    status = str(getattr(result.status, "value", result.status))
    is_refused = status == "error" and result.node.resource_type == "model" and bool(result.node.compiled_code)
    return is_refused or status in ("success", "pass", "fail", "warn")


def compiled_models(manifest: Manifest, nodes: Sequence[Any]) -> list[CompiledNode]:
    """Of these models those that are fixed and that dbt has compiled, whatever became of them."""
    if not _leaves_its_sql(manifest):
        return []
    implementations = implementations_of(manifest.macros)
    fixed = [
        node
        for node in nodes
        if getattr(node, "compiled_code", None) and not is_changeable(node, manifest, implementations)
    ]
    return [compiled for node in fixed if (compiled := _compiled(node, manifest))]


def _leaves_its_sql(manifest: Manifest) -> bool:
    """Whether there is no more to what dbt does with the project than the SQL of its nodes."""
    from dbt.adapters.factory import FACTORY

    adapter: Any = FACTORY.adapters.get("duckdb")
    credentials = adapter.config.credentials if adapter else None
    if credentials is None or any(getattr(credentials, name, None) for name in _PROFILE_EXTRAS):
        return False
    return not any(node.resource_type == "operation" for node in manifest.nodes.values())


def run_compiled(nodes: Sequence[CompiledNode], warehouse: Path, dbt: Path) -> list[NodeResult]:
    """Do a run again; a node that fails leaves the others, but for those that read it.

    Args:
        nodes: the run, in order.
        warehouse: the file to write.
        dbt: the project's folder, for its seeds and for files that models name.
    """
    results: list[NodeResult] = []
    failed: set[str] = set()
    with open_warehouse(warehouse, prepared=True) as connection:
        # Where dbt stands while it runs: a model may name files by their path from there.
        connection.execute(_STATEMENTS["set_file_search_path"], [str(dbt)])
        tables = _make_room(connection, nodes)
        values = constants(connection)
        for node in nodes:
            if failed.intersection(node.parents):
                result = NodeResult(node.unique_id, "skipped", "", 0.0, None)
            else:
                # A view outlives the run.
                known = (
                    node if node.kind == "view" else msgspec.structs.replace(node, sql=with_constants(node.sql, values))
                )
                result = _run(connection, known, dbt, is_there=node.relation in tables)
            if result.status in ("error", "skipped"):
                failed.add(node.unique_id)
            results.append(result)
    return results


def _run(warehouse: Warehouse, node: CompiledNode, dbt: Path, *, is_there: bool) -> NodeResult:
    began = time.monotonic()
    status, message, failures = "success", "", None
    try:
        if node.kind == "test":
            status, message, failures = _tested(warehouse, node)
        elif node.kind == "incremental":
            _merge(warehouse, node, is_there=is_there)
        else:
            for statement in _statements(node, dbt):
                warehouse.execute(statement)
    except duckdb.Error as error:
        status, message = "error", str(error)
    return NodeResult(node.unique_id, status, message, time.monotonic() - began, failures)


def _statements(node: CompiledNode, dbt: Path) -> Iterator[str]:
    if node.kind == "view":
        yield f"create or replace view {node.relation} as (\n{node.sql}\n)"
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
            replaced = f"(select distinct {', '.join(keys)} from new_rows)"
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


def folder_of_package(manifest: Manifest, name: str) -> Path:
    """Where a package's files lie below the dbt project; those of the project itself lie in it."""
    return Path() if name == manifest.metadata.project_name else Path("dbt_packages", name)


def _compiled(node: Any, manifest: Manifest) -> CompiledNode | None:
    """A node as it is to be kept; None where there is more to it than its SQL."""
    config = node.config.to_dict()
    # A seed depends on macros alone.
    parents = tuple(getattr(node.depends_on, "nodes", ()))
    if node.resource_type == "test":
        if config.get("store_failures") or config.get("limit"):
            return None
        return CompiledNode(
            unique_id=node.unique_id,
            kind="test",
            parents=parents,
            sql=node.compiled_code,
            is_error=str(config["severity"]).lower() == "error",
            test=(config["fail_calc"], config["warn_if"], config["error_if"]),
        )
    extras = ("pre-hook", "post-hook", "grants", "sql_header", "indexes", "partitioned_by", "sorted_by")
    if any(config.get(extra) for extra in extras) or any(config.get("persist_docs", {}).values()):
        return None
    kind = config["materialized"]
    if node.resource_type == "seed":
        plain = config.get("fast", True) and not config.get("quote_columns")
        file = (folder_of_package(manifest, node.package_name) / node.original_file_path).as_posix()
        return _kept(node, "seed", file=file, delimiter=config["delimiter"]) if plain else None
    if kind == "incremental" and not _replaces_by_key(config):
        return None
    if kind not in ("table", "view", "incremental") or node.language != "sql" or getattr(node, "constraints", None):
        return None
    if any(column.constraints for column in node.columns.values()):
        return None
    contracted = kind != "view" and config["contract"]["enforced"]
    columns = {column.name: str(column.data_type) for column in node.columns.values()} if contracted else {}
    sql = re.sub(r";\s*$", "", node.compiled_code)
    key = config["unique_key"] if kind == "incremental" else ()
    return _kept(
        node, kind, parents=parents, sql=sql, columns=columns, key=(key,) if isinstance(key, str) else tuple(key)
    )


def _replaces_by_key(config: Mapping[str, Any]) -> bool:
    """Whether an incremental model has the same SQL at every run, and its rows replace those of their keys."""
    return bool(
        config.get("incremental_strategy") == "delete+insert"
        and config.get("unique_key")
        and config.get("full_refresh") is False
        # With the same SQL there is no change of its columns.
        and config.get("on_schema_change") in ("ignore", "fail")
        and not config.get("incremental_predicates")
    )


def _kept(node: Any, kind: Kind, **what: Any) -> CompiledNode:
    return CompiledNode(unique_id=node.unique_id, kind=kind, relation=node.relation_name, **what)


def _with_types_of_seeds(nodes: list[CompiledNode], warehouse: Path) -> list[CompiledNode]:
    """dbt guesses types of a seed's columns: those that it has chosen."""
    if not any(node.kind == "seed" for node in nodes):
        return nodes
    with open_warehouse(warehouse, prepared=True) as connection:
        return [
            msgspec.structs.replace(
                node,
                columns={
                    row["column_name"]: row["column_type"] for row in connection.rows(f"describe {node.relation}")
                },
            )
            if node.kind == "seed"
            else node
            for node in nodes
        ]
