"""Sending in shards as steps of a run: split, one step a shard beside the one that asks whom to leave out, take in.

Dagster learns how many shards there are from the first step (dynamic outputs). Between steps only the shards' numbers
travel, in their keys; what they share lies in the project's folder, which every step must see. What a shard is, and why
nothing goes twice, is `delivery.batch`'s and `delivery.shards`'.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_drips.delivery.batch import batch_named
from dagster_drips.delivery.shard_worker import send_shard
from dagster_drips.errors import DripsError
from dagster_drips.file_modes import protect_new_files
from dagster_drips.orchestration.assets.delivery import metadata_of
from dagster_drips.orchestration.check_results import result_of
from dagster_drips.orchestration.names import OURS, PROJECT_TAG, Names
from dagster_drips.orchestration.tick_tags import AS_OF, BEGUN_AT, is_overtaken
from dagster_drips.pipeline.checks import sending_checks
from dagster_drips.pipeline.sending_in_shards import ask_meanwhile, split_due, take_in
from dagster_drips.project import Project
from dagster_drips.settings import load_settings

_SHARD = "shard_"
_MOST_STEPS = 65
"""At once: every shard that can be set, and the step that asks, as they wait for each other."""
# Steps are forked from a process that has imported what takes seconds: once and not for each of them.
_PROCESSES = dg.multiprocess_executor.configured(
    {
        "max_concurrent": _MOST_STEPS,
        "start_method": {"forkserver": {"preload_modules": ["dagster_drips.orchestration.build"]}},
    }
)


class ShardNumbers(dg.IOManager):
    """A shard's number, read from the key of the output that it is: nothing has to be kept anywhere."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Nothing."""

    def load_input(self, context: dg.InputContext) -> int:
        """The number."""
        return int(str(context.upstream_output and context.upstream_output.mapping_key).removeprefix(_SHARD))


def numbers_key(names: Names) -> str:
    """Of the resource by which shards' numbers go from step to step."""
    return f"{names.resource}_shards"


def build_shards_job(
    project: Project, names: Names = OURS, executor: dg.ExecutorDefinition | None = None
) -> dg.JobDefinition:
    """The job that sends what a tick decided, in as many steps as `DRIPS_SEND_SHARDS` says.

    Args:
        project: whose.
        names: of the job, its steps and the assets.
        executor: of its steps; None: a process a step on this machine.
    """
    resource = {names.resource}

    @dg.op(
        name=names.name("split_due_messages"),
        out={
            "shard": dg.DynamicOut(int, io_manager_key=numbers_key(names)),
            "batch": dg.Out(dg.Nothing, is_required=False),
        },
        required_resource_keys=resource,
        pool=names.pool,
        description="Splits what is due into shards.",
    )
    def split_due_messages(context: dg.OpExecutionContext) -> Iterator[Any]:
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            if is_overtaken(context.run.tags, drips.pipeline, warehouse):
                shards = 0
            else:
                shards = split_due(drips.pipeline, warehouse, drips.settings, context.run_id)
        for shard in range(shards):
            yield dg.DynamicOutput(shard, output_name="shard", mapping_key=f"{_SHARD}{shard}")
        if shards:
            yield dg.Output(None, output_name="batch")

    @dg.op(
        name=names.name("send_shard"),
        ins={"shard": dg.In(int)},
        out=dg.Out(dg.Nothing),
        description="Sends one shard; needs no warehouse.",
    )
    def send_one(context: dg.OpExecutionContext, shard: int) -> None:
        protect_new_files(project)
        outcome = send_shard(project, batch_named(project, context.run_id), shard, load_settings(project))
        if outcome is None:
            context.log.warning("its batch was taken away, or it has begun before; what is left stays due")
        elif outcome.error:
            context.log.error(outcome.error)

    @dg.op(
        name=names.name("ask_whom_to_leave_out"),
        ins={"batch": dg.In(dg.Nothing)},
        out=dg.Out(dg.Nothing),
        required_resource_keys=resource,
        pool=names.pool,
        description="Asks suppressions and exits again about once a second while shards are sent (L3, L1).",
    )
    def ask(context: dg.OpExecutionContext) -> None:
        drips = names.resource_of(context)
        with drips.warehouse() as warehouse:
            ask_meanwhile(drips.pipeline, warehouse, context.run_id)

    @dg.op(
        name=names.name("take_in_shards"),
        ins={"sent": dg.In(dg.Nothing), "asked": dg.In(dg.Nothing)},
        out=dg.Out(dg.Nothing),
        required_resource_keys=resource,
        pool=names.pool,
        description="Takes in what the shards sent.",
    )
    def take_in_shards(context: dg.OpExecutionContext) -> Iterator[Any]:
        drips = names.resource_of(context)
        try:
            with drips.warehouse() as warehouse:
                report = take_in(drips.pipeline, warehouse, drips.settings, context.run_id)
                checks = sending_checks(drips.project, warehouse, report)
        except DripsError as error:
            raise dg.Failure(str(error)) from error
        yield dg.AssetMaterialization(names.delivery_log, metadata=metadata_of(report))
        for check in checks:
            result = result_of(check, names)
            yield dg.AssetCheckEvaluation(
                asset_key=names.delivery_log,
                check_name=check.name,
                passed=check.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
            )
        yield dg.Output(None)

    @dg.job(
        name=names.name("send_in_shards"),
        executor_def=executor or _PROCESSES,
        description="Send what is due in as many steps as DRIPS_SEND_SHARDS says; `measure` follows.",
    )
    def send_in_shards() -> None:
        due = split_due_messages()
        sent = due.shard.map(send_one)
        take_in_shards(sent=sent.collect(), asked=ask(batch=due.batch))

    return send_in_shards


def build_sent_sensor(project: Project, job: Any, measure: Any, names: Names = OURS) -> dg.SensorDefinition:
    """Starts `measure` for the tick whose mail a run of the job has sent."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name=names.name("sent_in_shards"),
        monitored_jobs=[job],
        request_job=measure,
        default_status=names.sensor_status,
        description="A run of send_in_shards has ended: finish its tick and measure.",
    )
    def sent_in_shards(context: dg.RunStatusSensorContext) -> dg.RunRequest:
        tags = {tag: context.dagster_run.tags[tag] for tag in (AS_OF, BEGUN_AT) if tag in context.dagster_run.tags}
        return dg.RunRequest(
            run_key=f"{context.dagster_run.run_id}:{measure.name}", tags={PROJECT_TAG: str(project.root), **tags}
        )

    return sent_in_shards
