"""What BI reads."""

import dagster as dg

from dagster_drips.orchestration.names import MEASURE, OWNERS, Names
from dagster_drips.runs.publishing import publish_tick


def build_published(marts: list[dg.AssetKey], names: Names) -> dg.AssetsDefinition:
    """The snapshot for BI, downstream of all marts."""

    @dg.asset(
        key=names.published,
        deps=marts,
        group_name=names.group(MEASURE),
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        description="data/published: drips.duckdb and one Parquet file a table, a set of one tick, swapped whole.",
        pool=names.pool,
        required_resource_keys=names.needs,
    )
    def published(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            counts = publish_tick(drips.pipeline, warehouse)
        return dg.MaterializeResult(metadata={"tables": len(counts), "rows": sum(counts.values())})

    return published
