"""dbt's data tests as checks: what each is about, as dagster-dbt says it.

Here belongs telling it from dbt's manifest as it lies on disk, which is read without dbt. Running tests, and what a
failed one holds, are `data_tests`' and `gates`' matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dagster_drips.pipeline.checks import Check
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.segments import current_manifest_json

Manifest = Mapping[str, Any]


def failed_test_checks(transform: Transform, results: Sequence[NodeResult]) -> list[Check]:
    """A check for each data test that did not pass; the manifest is read only where there is one.

    Args:
        transform: that ran them.
        results: of tests and of other nodes, which are left out.

    Raises:
        TransformFailed: the manifest on disk is an older one, and dbt can't read the project any more.
    """
    failed = [result for result in results if result.failed or result.status == "warn"]
    tests = [result for result in failed if result.unique_id.startswith("test.")]
    if not tests:
        return []
    manifest = msgspec.json.decode(current_manifest_json(transform.project, transform).read_bytes())
    return [data_test_check(manifest, result) for result in tests]


def data_test_check(manifest: Manifest, result: NodeResult) -> Check:
    """What a data test came to. A test that could not be asked has no count: a 0 would say that all is well."""
    counted = {} if result.failures is None else {"failures": result.failures}
    return Check(
        subject_of(manifest, result.unique_id) or "dbt",
        manifest["nodes"][result.unique_id]["name"],
        result.status == "pass",
        is_warning=result.status == "warn",
        metadata={**counted, "message": result.message},
    )


def subject_of(manifest: Manifest, unique_id: str) -> str | None:
    """The table that a data test is about, `<schema>/<table>`: what it is declared on, or the only one that it reads.

    None where a test of one's own reads several and its `meta` names none (`dagster: {ref: {name: …}}`).
    """
    test = manifest["nodes"][unique_id]
    node: Mapping[str, Any] | None = None
    reads = set(test["depends_on"]["nodes"])
    if reference := _meta(test).get("ref"):
        package = reference.get("package") or manifest["metadata"]["project_name"]
        wanted = (reference["name"], package, reference.get("version"))
        node = next((one for one in manifest["nodes"].values() if _names(one) == wanted), None)
    elif len(reads) == 1:
        node = _node(manifest, *reads)
    elif attached := test.get("attached_node"):
        node = _node(manifest, attached)
    return "/".join(_path(node)) if node else None


def _node(manifest: Manifest, unique_id: str) -> Mapping[str, Any]:
    return manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]


def _names(node: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return node["name"], node["package_name"], node.get("version")


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = node.get("config", {}).get("meta") or node.get("meta") or {}
    return meta.get("dagster", {})


def _path(node: Mapping[str, Any]) -> list[str]:
    if named := _meta(node).get("asset_key"):
        return list(named)
    if node["resource_type"] == "source":
        return [node["source_name"], node["name"]]
    if node.get("version"):
        return [node["alias"]]
    schema = node["config"].get("schema")
    return [node["name"]] if schema is None else [schema, node["name"]]
