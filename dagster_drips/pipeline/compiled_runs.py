"""dbt runs done again from the SQL that dbt compiled, without dbt.

Importing dbt, its parse and its own work on a node cost several times what a tick's SQL does, and since the tick's
instant stands in a table (T1) the SQL is the same text at every tick. So a run is kept, under a fingerprint of all
files of the dbt project and its packages, and done again from there until one of them changes.

What belongs here: which runs can be kept, and where they lie. What does not: compiling (dbt), doing them again
(`run_compiled`), and whether Jinja depends on more than files (`changeable_sql`).
A run is kept only where it consists of plain tables, views, seeds, data tests and incremental models by key whose SQL
depends on nothing but those files; whatever else there is (hooks, grants, incremental models of other kinds, Jinja that
asks the database, the environment or the clock, a profile with extensions or attached databases) leaves the run to dbt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from dagster_drips.files import atomic_write
from dagster_drips.pipeline.changeable_sql import implementations_of, is_changeable
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME
from dagster_drips.pipeline.dbt_target import leaves_its_sql
from dagster_drips.pipeline.descriptions import Description
from dagster_drips.warehouse import Place, open_warehouse

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

FOLDER = "compiled_runs"
"""In a target folder: a file for each state of the dbt project. What is kept in another shape wants another name."""
_KEPT_STATES = 16
EMPTY_WITHOUT = "empty_without"
"""In the `meta` of a model of the product's: what it reads without which it has no rows."""

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
        empty_without: relations of a model's `meta` of that name: it has no rows where none of them has any.
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
    empty_without: tuple[str, ...] = ()
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


def compiled_nodes(manifest: Manifest, results: Sequence[Any], warehouse: Place) -> list[CompiledNode] | None:
    """The nodes of a dbt run in their order; None where it is to be left to dbt.

    Args:
        manifest: of the project that was run.
        results: dbt's own.
        warehouse: the file that it wrote.
    """
    if not leaves_its_sql(manifest):
        return None
    implementations = implementations_of(manifest.macros, manifest.metadata.adapter_type)
    nodes = []
    for result in results:
        is_fixed = _is_compiled(result) and not is_changeable(result.node, manifest, implementations)
        compiled = _compiled(result.node, manifest) if is_fixed else None
        if compiled is None:
            return None
        nodes.append(compiled)
    if any(node.kind == "seed" for node in nodes) and not isinstance(warehouse, Path):
        return None  # a server reads no files of ours
    return _with_types_of_seeds(nodes, warehouse)


def _is_compiled(result: Any) -> bool:
    """Whether there is SQL of a node to do again: of one that failed too, where it was the database that refused it."""
    status = str(getattr(result.status, "value", result.status))
    is_refused = status == "error" and result.node.resource_type == "model" and bool(result.node.compiled_code)
    return is_refused or status in ("success", "pass", "fail", "warn")


def compiled_models(manifest: Manifest, nodes: Sequence[Any]) -> list[CompiledNode]:
    """Of these models those that are fixed and that dbt has compiled, whatever became of them."""
    if not leaves_its_sql(manifest):
        return []
    implementations = implementations_of(manifest.macros, manifest.metadata.adapter_type)
    fixed = [
        node
        for node in nodes
        if getattr(node, "compiled_code", None) and not is_changeable(node, manifest, implementations)
    ]
    return [compiled for node in fixed if (compiled := _compiled(node, manifest))]


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
        node,
        kind,
        parents=parents,
        sql=sql,
        columns=columns,
        key=(key,) if isinstance(key, str) else tuple(key),
        empty_without=_empty_without(node, manifest),
    )


def _empty_without(node: Any, manifest: Manifest) -> tuple[str, ...]:
    """Relations that a model of the product's names, as its SQL does: `a_model`, `a_source.its_table`.

    What a project's own models have in their `meta` is theirs.

    Raises:
        KeyError: it reads nothing of that name.
    """
    if node.package_name != PACKAGE_NAME:
        return ()
    models = [manifest.nodes[parent] for parent in node.depends_on.nodes if parent in manifest.nodes]
    sources = [manifest.sources[parent] for parent in node.depends_on.nodes if parent in manifest.sources]
    read = {model.name: str(model.relation_name) for model in models}
    read |= {f"{source.source_name}.{source.name}": str(source.relation_name) for source in sources}
    return tuple(read[name] for name in node.config.meta.get(EMPTY_WITHOUT, ()))


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


def _with_types_of_seeds(nodes: list[CompiledNode], warehouse: Place) -> list[CompiledNode]:
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
