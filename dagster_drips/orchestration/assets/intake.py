"""The project's intake models, and the files that their changes become."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from dagster_drips.orchestration.assets.dbt import Translator, in_order
from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import LANDING, OWNERS, Names
from dagster_drips.pipeline.checks import MODELS_ARE_LANDED, intake_check
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME
from dagster_drips.vocabulary import LANDING_KINDS


def made_by_intake(manifest: Mapping[str, Any], translator: Translator) -> list[str]:
    """Ids of the intake models and, in a project of ours, of what they stand on, each behind what it reads.

    One that reads what the product makes is none of them: it would close the graph into a circle, and lands nothing.
    """
    nodes = manifest["nodes"]
    wanted: set[str] = set()
    for unique_id, node in nodes.items():
        if node["resource_type"] == "model" and translator.is_intake(node, manifest):
            above = _above(unique_id, manifest)
            if not any(one.split(".")[1] == PACKAGE_NAME for one in above):
                wanted |= {unique_id, *(above if translator.layout.is_ours else ())}
    return [unique_id for unique_id in in_order(manifest) if unique_id in wanted]


def _above(unique_id: str, manifest: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    wanted = [unique_id]
    while wanted:
        parents = set(manifest["parent_map"].get(wanted.pop(), ())) - found
        found |= parents
        wanted += parents
    return found


def build_intake(manifest: Mapping[str, Any], names: Names, translator: Translator) -> dg.AssetsDefinition:
    """What intake lands: its dbt models, and the files that the landing folders get of them."""
    made = made_by_intake(manifest, translator)
    # A model that fails is not there, and nothing waits for it.
    models = {
        unique_id: translator.get_asset_spec(manifest, unique_id, None).replace_attributes(skippable=True)
        for unique_id in made
    }
    landed = names.key("landing", "intake")

    @dg.multi_asset(
        name=names.name("intake"),
        specs=[
            *models.values(),
            dg.AssetSpec(
                landed,
                deps=[names.tick, names.key("raw", "project_settings"), *(spec.key for spec in models.values())],
                group_name=names.group(LANDING),
                owners=OWNERS,
                kinds={"dbt", "parquet"},
                description="Rows of the project's intake models that have changed, as files in data/landing/.",
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(MODELS_ARE_LANDED, asset=landed, description="Every intake model was landed as a whole.")
        ],
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def intake(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        """Land what has changed in dbt_project/models/intake/ since the tick before."""
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            report = drips.pipeline.land_intake(warehouse)
        results = {result.unique_id: result for result in report.nodes}
        failed = {problem.file for problem in report.problems}
        for unique_id, spec in models.items():
            node, result = manifest["nodes"][unique_id], results.get(unique_id)
            file = f"dbt_project/{node['original_file_path']}"
            if result.status == "success" if result else file not in failed:
                yield dg.MaterializeResult(asset_key=spec.key, metadata={"seconds": result.seconds} if result else {})
        for problem in report.problems:
            context.log.error(str(problem))
        counts = {kind: report.landed.get(kind, 0) for kind in LANDING_KINDS}
        yield dg.MaterializeResult(
            asset_key=landed,
            metadata={**counts, "suppressed": report.suppressed},
            check_results=[result_of(intake_check(report), names)],
        )

    return intake
