"""The code location: everything Dagster sees of a project, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

from dagster_drips import alerts, automation, watching
from dagster_drips.assets import inbox, loading, sending, transforming
from dagster_drips.assets.resource import DripsResource, pipeline_of
from dagster_drips.file_modes import protect_new_files
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
    decide, measure = transforming.build_dbt_assets(manifest)
    inbox_job = inbox.build_inbox_job(project)
    return dg.Definitions(
        assets=[
            *loading.landing_files,
            loading.clock,
            loading.sequence_files,
            *loading.landed,
            *loading.load_records,
            *transforming.build_earlier(manifest),
            decide,
            sending.decisions_journal,
            sending.delivery_log,
            sending.build_finished_journal(transforming.build_after_sending(manifest)),
            measure,
            sending.build_published(sorted(measure.keys)),
        ],
        asset_checks=[transforming.segments_have_results],
        jobs=[
            automation.tick_job,
            automation.rest_job,
            automation.decide_job,
            automation.send_job,
            automation.measure_job,
            inbox_job,
        ],
        # For what is started from the UI too: one process a run, so that a run holds the project's lock to its end.
        executor=dg.in_process_executor,
        schedules=[automation.every_few_minutes, automation.build_inbox_schedule(project, inbox_job)],
        sensors=[
            automation.due_steps_sensor,
            automation.build_landing_sensor(project),
            watching.build_failure_sensor(on_alert),
            watching.build_check_sensor(on_alert),
        ],
        resources={"drips": DripsResource(project_root=str(project.root)), **(resource_overrides or {})},
    )


defs = build_defs(Project.at(os.environ.get("DRIPS_PROJECT") or "."))
