"""The end of every tick, whoever runs it: what BI reads, and what Prometheus is told of it."""

from __future__ import annotations

import logging

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.in_bucket import keep_published_in_bucket
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.settings import load_settings
from dagster_drips.warehouse import Warehouse

_log = logging.getLogger("dagster_drips.metrics")


def publish_tick(pipeline: Pipeline, warehouse: Warehouse) -> dict[str, int]:
    """Publish the marts and export metrics of them; rows by mart. Nothing about metrics fails a tick."""
    counts = publish(warehouse, pipeline.project.published, pipeline.transform.descriptions())
    keep_published_in_bucket(pipeline.project)
    for problem in _exported(pipeline):
        _log.warning(problem)
    return counts


def _exported(pipeline: Pipeline) -> list[str]:
    try:
        settings = load_settings(pipeline.project)
        if settings.metrics_file is None and settings.pushgateway_url is None:
            return []
        # Imported late: who exports none need not wait for the library.
        from dagster_drips.metrics import export_metrics

        return export_metrics(pipeline.project, settings)
    except DripsError as error:
        return [f"no metrics: {error}"]
