"""dbt models as assets, dbt data tests as asset checks.

dbt runs in this process (`pipeline.dbt_runner`) and not through dagster-dbt's subprocess, which takes longer to start
than an idle tick takes to run; dagster-dbt still makes the assets and checks from the manifest.
"""

from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from dagster_drips.dbt_layout import DbtLayout
from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import DECIDE, LANDING, MEASURE, OURS, OWNERS, QUIET_TAG, SEGMENTS, Names
from dagster_drips.orchestration.tick_tags import metadata_of
from dagster_drips.pipeline.data_test_checks import data_test_check
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME
from dagster_drips.pipeline.dbt_runner import AFTER_SENDING, CI_TAG, TransformFailed
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.segments import SegmentFailure
from dagster_drips.pipeline.tick import Decided

_LAST = "new_enrollment_completions"
"""The model with which a tick is finished, before the marts are built."""
_GROUPS = {"intake": LANDING, "segments": SEGMENTS, "after_sending": MEASURE, "marts": MEASURE}
_MEASURED = ("fqn:marts", *AFTER_SENDING)
"""Marts of the project are among them."""
_OF_PROJECT = ("staging", "segments", "marts")
"""Folders of a project's own models that ticks make."""
_OURS = DbtLayout()
_EARLIER = ("earlier", "earlier_sends")


class Translator(DagsterDbtTranslator):
    """Group by folder, owned by the team that owns the rest.

    Args:
        names: of keys and groups.
        layout: which models of the dbt project are segments.
        others: names what others make of a dbt project that was there before, as their own assets name it.
    """

    def __init__(
        self, names: Names = OURS, layout: DbtLayout = _OURS, others: DagsterDbtTranslator | None = None
    ) -> None:
        super().__init__()
        self._names = names
        self.layout = layout
        self._others = others or DagsterDbtTranslator()

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Of what we make, with our prefix; of what others do, theirs."""
        if self.is_ours(dbt_resource_props):
            return self._names.key(*super().get_asset_key(dbt_resource_props).path)
        return self._others.get_asset_key(dbt_resource_props)

    def is_ours(self, node: Mapping[str, Any]) -> bool:
        """Whether an asset of ours stands for a node, rather than one of those who run the dbt project."""
        if node["package_name"] == PACKAGE_NAME or self.layout.is_ours:
            return True
        return node["resource_type"] != "source" and self._role_of(node) in ("segments", "intake")

    def is_intake(self, node: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
        """Whether a node is an intake model of the project."""
        return node["package_name"] == manifest["metadata"]["project_name"] and self._role_of(node) == "intake"

    def _role_of(self, node: Mapping[str, Any]) -> str:
        if node["package_name"] == PACKAGE_NAME:
            return node["fqn"][1]
        return self.layout.role_of(node["original_file_path"], node.get("tags", ()), node["fqn"])

    def is_made(self, node: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
        """Whether ticks make it: not what a project has elsewhere, or in a second package, for who runs dbt by hand."""
        if node["package_name"] == PACKAGE_NAME:
            return True
        if node["resource_type"] == "seed":
            return self.layout.is_ours
        return node["package_name"] == manifest["metadata"]["project_name"] and self._role_of(node) in _OF_PROJECT

    def selection(self, manifest: Mapping[str, Any]) -> str:
        """Selects what is ours among what dbt has."""
        if self.layout.is_ours:
            return "fqn:*"
        named = [".".join(node["fqn"]) for node in manifest["nodes"].values() if self._is_segment(node, manifest)]
        return " ".join([f"package:{PACKAGE_NAME}", *(f"fqn:{name}" for name in named)])

    def _is_segment(self, node: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
        return (
            node["resource_type"] == "model" and node["package_name"] != PACKAGE_NAME and self.is_made(node, manifest)
        )

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The spec that dagster-dbt makes, in our groups."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        group = _GROUPS.get(self._role_of(node), DECIDE) if node else DECIDE
        return spec.replace_attributes(group_name=self._names.group(group), owners=OWNERS)

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """The check that dagster-dbt makes; it stops nothing: one odd row must not end everybody's mail.

        None for a test that no tick runs.
        """
        if CI_TAG in manifest["nodes"][unique_id]["tags"]:
            return None
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec._replace(blocking=False) if spec else None


def build_earlier(manifest: Mapping[str, Any], names: Names) -> list[dg.AssetSpec]:
    """What earlier ticks left and this one reads: the journal and the delivery log under a second name.

    Under their own they would close the graph into a circle (the seam in `models/sources_journal.yml`).
    """
    return [
        names.spec(source["source_name"], source["name"], DECIDE, source["description"])
        for source in manifest["sources"].values()
        if source["package_name"] == PACKAGE_NAME and source["source_name"] in _EARLIER
    ]


def build_failures(names: Names) -> dg.AssetSpec:
    """Which segments had no result at this tick, and why: written while the decide models run, read by the marts."""
    return names.raw_spec(
        "segment_failures",
        DECIDE,
        "One row per segment without a result at this tick (E5), with the reason.",
        [names.key("decide", "segment_members")],
        set(),
    )


def build_gate_facts(names: Names) -> list[dg.AssetSpec]:
    """What models know besides what they read and make: of gates, content, how far earlier ticks came, the DNS."""
    described = {
        "failed_tests": "One row per data test that failed at this tick and segment that it speaks of (G1).",
        "gate_waivers": "One row per waiver of a gate that was given and known by this tick (G1).",
        "content_models": "One row per content model that has a file at this tick (M9).",
        "content_failures": "One row per content model that due steps asked for in vain (M9).",
        "declined_steps": "One row per due message that its template declined (M10).",
        "watermark": "At most one row: up to where the models in `kept` are current.",
        "watermark_sequences": "One row per sequence as that tick decided by it.",
        "late_deliveries": "One row per message of an earlier tick that the delivery log knows more of since.",
        "marts_watermark": "At most one row: up to where the incremental marts are current.",
        "unmeasured_deliveries": "One row per message of an earlier tick that the delivery log knows more of since.",
    }
    exchangers = "One row per recipient domain whose MX record `drips mx` has asked for."
    return [
        *(names.raw_spec(table, DECIDE, description, [names.tick], set()) for table, description in described.items()),
        names.raw_spec("mail_exchangers", MEASURE, exchangers, [names.tick], set()),
    ]


def build_after_sending(manifest: Mapping[str, Any], translator: Translator) -> list[dg.AssetSpec]:
    """What a tick is finished with: views over its sends, each behind what it reads.

    They stand since the decide models were made; whoever finishes the tick reports them.
    """
    order = in_order(manifest)
    last = next(unique_id for unique_id in order if manifest["nodes"][unique_id]["name"] == _LAST)
    wanted = [last]
    for unique_id in wanted:
        wanted += [
            parent
            for parent in manifest["parent_map"][unique_id]
            if parent in order and manifest["nodes"][parent]["fqn"][1] == "after_sending" and parent not in wanted
        ]
    return [translator.get_asset_spec(manifest, unique_id, None) for unique_id in order if unique_id in wanted]


def build_dbt_assets(
    manifest: Mapping[str, Any], names: Names, translator: Translator, made_before: Collection[str] = ()
) -> list[dg.AssetsDefinition]:
    """The decide models and the marts, each one multi-asset, since one dbt invocation makes all of them.

    Args:
        manifest: dbt's.
        names: of the assets.
        translator: of dbt's names.
        made_before: ids of what is made before anything is loaded.
    """
    landed = [f"fqn:{'.'.join(manifest['nodes'][unique_id]['fqn'])}" for unique_id in made_before]
    measured = _MEASURED if translator.layout.is_ours else (f"fqn:{PACKAGE_NAME}.marts", *AFTER_SENDING)

    @dbt_assets(
        manifest=manifest,
        select=translator.selection(manifest),
        # Everything else: of a folder without a model, such as segments may be, dbt would complain on stdout.
        exclude=" ".join([*measured, *landed]),
        dagster_dbt_translator=translator,
        name=names.name("dbt_decide"),
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def decide(context: dg.AssetExecutionContext) -> Iterator[Any]:
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            try:
                decided = drips.pipeline.decide(warehouse)
                tick = drips.pipeline.current_tick(warehouse)
            except TransformFailed as error:
                yield from _events(context, manifest, translator, error.results, {}, views_stand=False)
                raise
        counts = {
            **metadata_of(tick),
            "due": decided.due,
            "judged": decided.judged,
            "enrolled": decided.enrolled,
            "exited": decided.exited,
            "skipped": decided.skipped,
        }
        _warn(context, decided.broken_segments)
        if _is_quiet(decided):
            context.instance.add_run_tags(context.run.run_id, {QUIET_TAG: "true"})
        broken = {failure.segment for failure in decided.broken_segments}
        results = [*decided.nodes, *decided.tests]
        yield from _events(context, manifest, translator, results, {names.due_steps: counts}, broken)

    @dbt_assets(
        manifest=manifest,
        select=" ".join(measured),
        exclude=f"+{_LAST}",
        dagster_dbt_translator=translator,
        name=names.name("dbt_measure"),
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def measure(context: dg.AssetExecutionContext) -> Iterator[Any]:
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            results = [*drips.pipeline.measure(), *drips.pipeline.check_marts(warehouse)]
        yield from _events(context, manifest, translator, results, {})
        failed = [result for result in results if result.failed and result.unique_id.startswith("model.")]
        if failed:
            raise TransformFailed(f"dbt model {failed[0].name} failed: {failed[0].message}", results)

    return [decide, measure]


def _is_quiet(decided: Decided) -> bool:
    counts = (decided.judged, decided.enrolled, decided.exited, decided.skipped, decided.due)
    return not any(counts) and not decided.broken_segments and all(test.status == "pass" for test in decided.tests)


def _warn(context: dg.AssetExecutionContext, broken: list[SegmentFailure]) -> None:
    for failure in broken:
        context.log.error(f"{failure}; sequences that name this segment pause")


def _events(
    context: dg.AssetExecutionContext,
    manifest: Mapping[str, Any],
    translator: Translator,
    results: list[NodeResult],
    metadata: Mapping[dg.AssetKey, Mapping[str, Any]],
    broken: Collection[str] = (),
    *,
    views_stand: bool = True,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """dbt's results as Dagster's events; views that stood already count as materialized with what they read.

    Models named in `broken` were left out. Where dbt did not come to its end (`views_stand` is False), nothing is
    materialized but what it says it made.
    """
    by_id = {result.unique_id: result for result in results}
    for unique_id in in_order(manifest):
        node = manifest["nodes"][unique_id]
        key = translator.get_asset_spec(manifest, unique_id, None).key
        if key not in context.selected_asset_keys or node["name"] in broken or not translator.is_made(node, manifest):
            continue
        result = by_id.get(unique_id)
        is_standing_view = views_stand and result is None and node["config"]["materialized"] in ("view", "seed")
        if is_standing_view or (result is not None and result.status == "success"):
            seconds = {"seconds": result.seconds} if result else {}
            yield dg.MaterializeResult(asset_key=key, metadata={**seconds, **metadata.get(key, {})})
    for result in results:
        check = get_asset_check_key_for_test(manifest, translator, result.unique_id, project=None)
        if check is not None and check in context.selected_asset_check_keys and result.status != "skipped":
            yield result_of(data_test_check(manifest, result), asset=check.asset_key)


def in_order(manifest: Mapping[str, Any]) -> list[str]:
    """Models and seeds, each behind what it reads: Dagster takes outputs in no other order."""
    parents = {
        unique_id: [parent for parent in node["depends_on"].get("nodes", []) if parent in manifest["nodes"]]
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed")
    }
    return list(TopologicalSorter(parents).static_order())
