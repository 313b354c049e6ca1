"""Everything that Dagster sees of a project, put together from the rest of this package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from dagster_drips.alerts.looking import RunEnd, look_after
from dagster_drips.alerts.stopped_ticks import oldest_tick
from dagster_drips.file_modes import protect_new_files
from dagster_drips.orchestration import alerts, checks, jobs, schedules, sensors
from dagster_drips.orchestration.alert_sensors import build_check_sensor, build_failure_sensor, build_stopped_sensor
from dagster_drips.orchestration.assets import dbt, delivery, inbox, intake, journal, landing, published, sequences
from dagster_drips.orchestration.compaction import build_compact_job, build_compact_schedule
from dagster_drips.orchestration.freshness import with_freshness
from dagster_drips.orchestration.loggers import console_logger
from dagster_drips.orchestration.names import Names
from dagster_drips.orchestration.pruning import build_prune_job, build_prune_schedule
from dagster_drips.orchestration.resources import DripsResource, pipeline_of
from dagster_drips.orchestration.sending_in_shards import ShardNumbers, build_sent_sensor, build_shards_job, numbers_key
from dagster_drips.orchestration.weekly_report import build_report_job, build_report_schedule
from dagster_drips.pipeline.segments import current_manifest_json
from dagster_drips.project import Project


def build_defs(
    project: Project | str | Path,
    resource_overrides: Mapping[str, Any] | None = None,
    on_alert: alerts.Hook = alerts.send,
    *,
    key_prefix: str | Sequence[str] = (),
    groups: Mapping[str, str] | None = None,
    name_prefix: str = "",
    resource_key: str = "drips",
    pool: str = "warehouse",
    running: bool = True,
    send_executor: dg.ExecutorDefinition | None = None,
    dbt_translator: DagsterDbtTranslator | None = None,
) -> dg.Definitions:
    """The definitions of one project, to be merged into any code location (`Definitions.merge`).

    They have no executor and no loggers, which are the code location's; jobs of ours bring their own executor.

    Args:
        project: its folder. Its dbt project is parsed where the manifest on disk is older than its files.
        resource_overrides: resources to use instead, by name; for tests.
        on_alert: is told what went wrong.
        key_prefix: in front of every asset's key.
        groups: other names of our groups (`landing`, `sequences`, `segments`, `decide`, `send`, `measure`), by ours.
        name_prefix: in front of the name of every job, schedule, sensor and op.
        resource_key: of the project's resource.
        pool: of all steps that open the warehouse.
        running: whether schedules and sensors are on until somebody turns them off.
        send_executor: executes the job `send_in_shards`, which is then started where `send` would be; its steps see the
            project's folder. None: Dagster's multiprocess executor, and nothing starts the job by itself.
        dbt_translator: names the models that others make of the dbt project, as their own `@dbt_assets` do.

    Raises:
        DripsError: there is no project in that folder, dbt can't read its own, or there is no such group.
    """
    project = project if isinstance(project, Project) else Project.at(project)
    prefix = (key_prefix,) if isinstance(key_prefix, str) else tuple(key_prefix)
    names = Names(prefix, dict(groups or {}), name_prefix, resource_key, pool, running)
    protect_new_files(project)
    transform = pipeline_of(str(project.root)).transform
    manifest = json.loads(current_manifest_json(project, transform).read_text(encoding="utf-8"))
    translator = dbt.Translator(names, project.layout, dbt_translator)
    made_before = intake.made_by_intake(manifest, translator)
    decide, measure = dbt.build_dbt_assets(manifest, names, translator, made_before)
    after_sending = dbt.build_after_sending(manifest, translator)
    published_marts = published.build_published(sorted(measure.keys), names)
    inbox_job = inbox.build_inbox_job(project, names)
    report_job, prune_job = build_report_job(project, names), build_prune_job(project, names)
    compact_job = build_compact_job(project, names)
    limit = oldest_tick(project)

    def on_end(ended: RunEnd | None) -> None:
        # What a run left that failed is not published; else a sensor keeps away from the warehouse.
        look_after(project, ended, only_published=ended is None or ended.problem is None)

    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
        landing.build_clock(names),
        sequences.build_sequence_files(names),
        intake.build_intake(manifest, names, translator),
        *landing.build_landing(names),
        *dbt.build_earlier(manifest, names),
        dbt.build_failures(names),
        *dbt.build_gate_facts(names),
        delivery.build_held_messages(names),
        decide,
        journal.build_decisions_journal(names),
        delivery.build_delivery_log(names),
        journal.build_finished_journal(after_sending, names),
        measure,
        published_marts,
    ]
    whole = {key for asset in assets if isinstance(asset, dg.AssetsDefinition) for key in asset.keys}
    measured = {*measure.keys, *published_marts.keys, *(spec.key for spec in after_sending)}
    of_ticks = jobs.build_jobs(names, whole, measured)
    in_shards = build_shards_job(project, names, send_executor)
    others = [inbox_job, report_job, compact_job, prune_job, in_shards]
    our_jobs = {job.name for job in (*of_ticks, *others)}

    def is_ours(run: dg.DagsterRun) -> bool:
        # Assets that somebody chose have a run of Dagster's own job; a run of a whole job names none.
        return run.job_name in our_jobs or bool(whole & (run.asset_selection or set()))

    by_name = {job.name: job for job in of_ticks}
    sending, measuring = (by_name[names.name(job)] for job in ("send", "measure"))
    going_on = [in_shards if send_executor else sending, measuring]
    return dg.Definitions(
        assets=with_freshness(limit, assets, names),
        asset_checks=checks.build_checks(names),
        jobs=[*of_ticks, *others],
        schedules=[
            *schedules.build_schedules(project, inbox_job, names),
            build_report_schedule(project, report_job, names),
            build_compact_schedule(project, compact_job, names),
            build_prune_schedule(project, prune_job, names),
        ],
        sensors=[
            sensors.build_due_steps_sensor(project, going_on, names),
            build_sent_sensor(project, in_shards, measuring, names),
            sensors.build_landing_sensor(project, names),
            build_failure_sensor(on_alert, on_end, names=names, is_ours=is_ours),
            build_check_sensor(on_alert, on_end, names=names, is_ours=is_ours),
            build_stopped_sensor(limit, on_alert, on_end, names=names),
        ],
        resources={
            names.resource: DripsResource(project_root=str(project.root)),
            numbers_key(names): ShardNumbers(),
            **(resource_overrides or {}),
        },
    )


def build_code_location(project: Project) -> dg.Definitions:
    """A code location of one project and nothing else: its definitions, run in one process a run."""
    whole = dg.Definitions(
        # For what is started from the UI too: one process a run, so that a run holds the project's lock to its end.
        executor=dg.in_process_executor,
        loggers={"console": console_logger},
    )
    return dg.Definitions.merge(build_defs(project), whole)
