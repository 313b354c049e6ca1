"""What BI reads."""

import dagster as dg

from dagster_drips.orchestration.names import MEASURE, OWNERS, POOL, PUBLISHED
from dagster_drips.orchestration.resources import DripsResource
from dagster_drips.runs.publishing import publish_tick


def build_published(marts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The snapshot for BI, downstream of all marts."""

    @dg.asset(
        key=PUBLISHED,
        deps=marts,
        group_name=MEASURE,
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        description="data/published: drips.duckdb and one Parquet file a table, a set of one tick, swapped whole.",
        pool=POOL,
    )
    def published(drips: DripsResource) -> dg.MaterializeResult:
        with drips.warehouse() as warehouse:
            counts = publish_tick(drips.pipeline, warehouse)
        return dg.MaterializeResult(metadata={"tables": len(counts), "rows": sum(counts.values())})

    return published
