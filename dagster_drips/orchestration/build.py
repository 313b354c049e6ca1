"""Everything that Dagster sees of a project, put together from the rest of this package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg

from dagster_drips.alerts.looking import RunEnd, look_after
from dagster_drips.alerts.stopped_ticks import oldest_tick
from dagster_drips.file_modes import protect_new_files
from dagster_drips.orchestration import alerts, checks, jobs, schedules, sensors
from dagster_drips.orchestration.alert_sensors import build_check_sensor, build_failure_sensor, build_stopped_sensor
from dagster_drips.orchestration.assets import dbt, delivery, inbox, journal, landing, published, sequences
from dagster_drips.orchestration.compaction import build_compact_job, build_compact_schedule
from dagster_drips.orchestration.freshness import with_freshness
from dagster_drips.orchestration.loggers import console_logger
from dagster_drips.orchestration.pruning import build_prune_job, build_prune_schedule
from dagster_drips.orchestration.resources import DripsResource, pipeline_of
from dagster_drips.orchestration.weekly_report import build_report_job, build_report_schedule
from dagster_drips.pipeline.segments import current_manifest_json
from dagster_drips.project import Project


def build_defs(
    project: Project, resource_overrides: Mapping[str, Any] | None = None, on_alert: alerts.Hook = alerts.send
) -> dg.Definitions:
    """The definitions of one project.

    Args:
        project: its dbt project is parsed where the manifest on disk is older than its files.
        resource_overrides: resources to use instead, by name; for tests.
        on_alert: is told what went wrong.
    """
    protect_new_files(project)
    transform = pipeline_of(str(project.root)).transform
    manifest = json.loads(current_manifest_json(project, transform).read_text(encoding="utf-8"))
    decide, measure = dbt.build_dbt_assets(manifest)
    inbox_job = inbox.build_inbox_job(project)
    report_job, prune_job = build_report_job(project), build_prune_job(project)
    compact_job = build_compact_job(project)
    limit = oldest_tick(project)

    def on_end(ended: RunEnd | None) -> None:
        # What a run left that failed is not published; else a sensor keeps away from the warehouse.
        look_after(project, ended, only_published=ended is None or ended.problem is None)

    assets = [
        *landing.landing_files,
        landing.clock,
        sequences.sequence_files,
        *landing.landed,
        *landing.load_records,
        *dbt.build_earlier(manifest),
        dbt.build_failures(),
        *dbt.build_gate_facts(),
        delivery.HELD_MESSAGES,
        decide,
        journal.decisions_journal,
        delivery.delivery_log,
        journal.build_finished_journal(dbt.build_after_sending(manifest)),
        measure,
        published.build_published(sorted(measure.keys)),
    ]
    return dg.Definitions(
        assets=with_freshness(limit, assets),
        asset_checks=[checks.segments_have_results, checks.no_gate_holds],
        jobs=[
            *(jobs.tick_job, jobs.rest_job, jobs.decide_job, jobs.send_job, jobs.measure_job),
            *(inbox_job, report_job, compact_job, prune_job),
        ],
        # For what is started from the UI too: one process a run, so that a run holds the project's lock to its end.
        executor=dg.in_process_executor,
        loggers={"console": console_logger},
        schedules=[
            *schedules.build_schedules(project, inbox_job),
            build_report_schedule(project, report_job),
            build_compact_schedule(project, compact_job),
            build_prune_schedule(project, prune_job),
        ],
        sensors=[
            sensors.build_due_steps_sensor(project),
            sensors.build_landing_sensor(project),
            build_failure_sensor(on_alert, on_end),
            build_check_sensor(on_alert, on_end),
            build_stopped_sensor(limit, on_alert, on_end),
        ],
        resources={"drips": DripsResource(project_root=str(project.root)), **(resource_overrides or {})},
    )
