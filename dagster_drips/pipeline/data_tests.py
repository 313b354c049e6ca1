"""dbt's data tests on what a tick decides by: run before it decides, and which segments a failed one speaks of (G1).

Here belong running them and following dbt's lineage from a test to segments. What does not: which
sequences a failure holds, which is decided in dbt (`sequence_gates`), and the tests of the marts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_drips.dbt_layout import DbtLayout
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME
from dagster_drips.pipeline.dbt_runner import CI_TAG, DECIDE, Transform
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

TESTED = (*DECIDE, "source:*")
"""Selects the tests that run before a tick decides, but for those that are CI's."""
_STATEMENTS = named_statements(Path(__file__).with_name("gates.sql"))
_BEFORE_DECIDING = ("staging", "kept", "segments")
_LONGEST = 300
_OURS = DbtLayout()


def run_tests(transform: Transform, exclude: Sequence[str] = ()) -> list[NodeResult]:
    """Run the data tests on sources, staging, segments and what was decided; a failed one stops nothing.

    Args:
        transform: dbt on a warehouse with the models built.
        exclude: selects segments that are set aside at this tick.

    Raises:
        TransformFailed: dbt could not start at all.
    """
    return transform.run("test", TESTED, exclude=[*exclude, f"tag:{CI_TAG}"])


def failed_gates(transform: Transform, warehouse: Warehouse, results: Iterable[NodeResult]) -> list[dict[str, Any]]:
    """Rows of `raw.failed_tests`: each failed test that is a gate, with each segment that it speaks of.

    dbt's lineage is kept in the warehouse until a file of the dbt project changes: a parse costs more than a tick.
    """
    messages = {result.unique_id: _words(result) for result in results if result.failed}
    if not messages:
        return []
    lineage = warehouse.rows(_STATEMENTS["lineage"], [transform.fingerprint])
    if not lineage:
        lineage = gate_lineage(transform.manifest(), transform.project.layout)
        with warehouse.transaction():
            warehouse.execute(_STATEMENTS["forget_lineage"])
            warehouse.append_rows(
                "raw.gate_lineage", [{"fingerprint": transform.fingerprint, **row} for row in lineage]
            )
    return [
        {
            "test": row["test"],
            "segment": row["segment"],
            "reason": f"data test {row['test']} on {row['subjects']} failed: {messages[row['unique_id']]}",
        }
        for row in lineage
        if row["unique_id"] in messages
    ]


def _words(result: NodeResult) -> str:
    # What an engine says of an error may quote somebody's data, and the journal is kept for good.
    return " ".join(result.message.split())[:_LONGEST] if result.status == "fail" else "it could not be run"


def gate_lineage(manifest: Manifest, layout: DbtLayout = _OURS) -> list[dict[str, Any]]:
    """Which segments each gate speaks of: `unique_id`, `test`, `subjects`, and a `segment` a row.

    A segment of None: deciding itself reads what the test is about.

    Args:
        manifest: of the project.
        layout: which of its models are segments.
    """
    children = _children(manifest)
    rows = []
    for unique_id, node in sorted(manifest.nodes.items()):
        if node.resource_type == "test" and is_gate(manifest, node, layout):
            subjects = _subjects(manifest, node)
            for segment in _reached(manifest, children, subjects, layout):
                row = {"unique_id": unique_id, "test": node.name, "subjects": _named(subjects), "segment": segment}
                rows.append(row)
    return rows


def gate_names(manifest: Manifest, layout: DbtLayout = _OURS) -> list[str]:
    """The data tests that may hold sequences, by name."""
    nodes = manifest.nodes.values()
    return sorted(node.name for node in nodes if node.resource_type == "test" and is_gate(manifest, node, layout))


def is_gate(manifest: Manifest, test: Any, layout: DbtLayout = _OURS) -> bool:
    """Whether a data test holds sequences when it fails: of severity `error`, on nothing that is made later."""
    reads = [_node(manifest, unique_id) for unique_id in test.depends_on.nodes]
    kinds = {node.resource_type for node in reads}
    return (
        test.config.severity.upper() == "ERROR"
        and CI_TAG not in test.tags
        and all(node.resource_type != "model" or _folder(node, layout) in _BEFORE_DECIDING for node in reads)
        and bool(kinds & {"model", "source"})
        and kinds <= {"model", "source", "seed"}
    )


def _subjects(manifest: Manifest, test: Any) -> list[str]:
    """What a test is about: what it is declared on, else of what it reads that which no other of it is made from."""
    if declared_on := getattr(test, "attached_node", None):
        return [declared_on]
    reads = set(test.depends_on.nodes)
    behind = {ancestor for unique_id in reads for ancestor in _ancestors(manifest, unique_id)}
    return sorted(reads - behind)


def _ancestors(manifest: Manifest, unique_id: str) -> set[str]:
    found: set[str] = set()
    open_ids = [unique_id]
    while open_ids:
        node = _node(manifest, open_ids.pop())
        parents = set() if node.resource_type == "source" else set(node.depends_on.nodes) - found
        found |= parents
        open_ids += parents
    return found


def _reached(
    manifest: Manifest, children: Mapping[str, list[str]], subjects: Sequence[str], layout: DbtLayout
) -> list[str | None]:
    """The segments that are made from these; None among them where another model of deciding is."""
    segments: set[str] = set()
    everything = False
    seen = set(subjects)
    open_ids = list(subjects)
    while open_ids:
        node = _node(manifest, unique_id := open_ids.pop())
        is_segment = node.resource_type == "model" and _folder(node, layout) == "segments"
        if is_segment:
            segments.add(node.name)
        for child in children[unique_id]:
            folder = _folder(_node(manifest, child), layout)
            # All segments come together in one model; who names a segment reads it.
            everything |= folder == "decide" and not is_segment
            if folder in _BEFORE_DECIDING and child not in seen:
                seen.add(child)
                open_ids.append(child)
    return [None] if everything else [*sorted(segments)]


def _children(manifest: Manifest) -> dict[str, list[str]]:
    children: dict[str, list[str]] = defaultdict(list)
    for unique_id, node in manifest.nodes.items():
        if node.resource_type == "model":
            for parent in node.depends_on.nodes:
                children[parent].append(unique_id)
    return children


def _node(manifest: Manifest, unique_id: str) -> Any:
    return manifest.nodes.get(unique_id) or manifest.sources[unique_id]


def _folder(node: Any, layout: DbtLayout) -> str:
    if node.package_name == PACKAGE_NAME:
        return node.fqn[1]
    return layout.role_of(node.original_file_path, node.tags, node.fqn)


def _named(unique_ids: Sequence[str]) -> str:
    return ", ".join(".".join(unique_id.split(".")[2:]) for unique_id in unique_ids)
