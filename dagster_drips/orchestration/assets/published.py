"""What BI reads."""

import logging

import dagster as dg

from dagster_drips.errors import DripsError
from dagster_drips.orchestration.names import MEASURE, OWNERS, POOL, PUBLISHED
from dagster_drips.orchestration.resources import DripsResource
from dagster_drips.pipeline.publish import publish

_log = logging.getLogger("dagster_drips.metrics")


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
            counts = publish(warehouse, drips.project.published, drips.pipeline.transform.descriptions())
        _export_metrics(drips)
        return dg.MaterializeResult(metadata={"tables": len(counts), "rows": sum(counts.values())})

    return published


def _export_metrics(drips: DripsResource) -> None:
    """Nothing of it fails a tick."""
    try:
        settings = drips.settings
        if settings.metrics_file is None and settings.pushgateway_url is None:
            return
        # Imported late: who exports none need not wait for the library.
        from dagster_drips.metrics import export_metrics

        problems = export_metrics(drips.project, settings)
    except DripsError as error:
        problems = [f"no metrics: {error}"]
    for problem in problems:
        _log.warning(problem)
