"""Sensors that tell a person what went wrong: failed runs, checks that failed in runs that did not, no runs at all.

Dagster only; the log's message is in `alerts`, who else is told what in the room `dagster_drips.alerts`. A failed check
stops nothing: mail servers that are down, a broken segment or sequence file leave the rest going, so a run that ends
well may still have something to say.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from dagster_drips.alerts.looking import RunEnd
from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.orchestration.alerts import Alert, Hook
from dagster_drips.orchestration.names import OURS, Names

_OF_OTHERS = dg.SkipReason("a run that makes nothing of this project")
_LOOKED_BACK = 5
"""Evaluations of a check among which the one before is looked for; a run that is repeated has several."""


OnEnd = Callable[[RunEnd | None], None]
"""Is told how a run ended, or of a look without one: what is under `alerts` in `project.yml`."""


def _nothing(ended: RunEnd | None) -> None: ...


IsOurs = Callable[[dg.DagsterRun], bool]
"""Whether a run makes something of ours: a code location may have runs of others."""


def _any(run: dg.DagsterRun) -> bool:
    return True


def build_failure_sensor(
    on_alert: Hook, on_end: OnEnd = _nothing, *, names: Names = OURS, is_ours: IsOurs = _any
) -> dg.SensorDefinition:
    """Failed runs, with the checks that failed in them."""

    @dg.run_failure_sensor(
        name=names.name("run_failures"),
        default_status=names.sensor_status,
        description="Says what run failed and why, to the hook for alerts.",
    )
    def run_failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        if not is_ours(run):
            return _OF_OTHERS
        title = f"run {run.run_id} of {run.job_name} failed: {context.failure_event.message}"
        _tell(context, on_alert, Alert(title, tuple(_failed_checks(context)), run.run_id))
        problems = "; ".join(_problem(event) for event in context.get_step_failure_events())
        on_end(RunEnd(run.job_name, problems or "before its first step", run.run_id))
        return None

    return run_failures


def build_check_sensor(
    on_alert: Hook, on_end: OnEnd = _nothing, *, names: Names = OURS, is_ours: IsOurs = _any
) -> dg.SensorDefinition:
    """Checks of severity ERROR that failed in runs that succeeded; each once for as long as it says the same."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name=names.name("failed_checks"),
        default_status=names.sensor_status,
        description="Says which checks of severity ERROR failed and did not before, to the hook for alerts.",
    )
    def failed_checks(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        if not is_ours(run):
            return _OF_OTHERS
        on_end(RunEnd(run.job_name))
        failed = tuple(_failed_checks(context))
        if not failed:
            return dg.SkipReason("no check failed that did not fail before")
        _tell(context, on_alert, Alert(f"checks failed in run {run.run_id} of {run.job_name}", failed, run.run_id))
        return None

    return failed_checks


def build_stopped_sensor(
    limit: timedelta,
    on_alert: Hook,
    on_end: OnEnd = _nothing,
    *,
    names: Names = OURS,
    now: Callable[[], float] = time.time,
) -> dg.SensorDefinition:
    """Ticks that have stopped; once, until one has finished again.

    Where Dagster's daemon is what has stopped, nobody looks: watch that process from outside.

    Args:
        limit: after that much time without a finished tick they have.
        on_alert: is told.
        on_end: looks too, once a minute.
        names: of the sensor, and of the assets.
        now: seconds since 1970.
    """

    @dg.sensor(
        name=names.name("stopped_ticks"),
        minimum_interval_seconds=60,
        default_status=names.sensor_status,
        description=f"Says when no tick has finished for {limit}, to the hook for alerts.",
    )
    def stopped_ticks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        last, told = _seen(context.cursor)
        event = context.instance.get_latest_materialization_event(names.finished_tick)
        if event is not None and event.timestamp != last:
            last, told = event.timestamp, False
        # Before the first tick, time counts from the first look.
        last = now() if last is None else last
        has_stopped = now() - last > limit.total_seconds()
        if has_stopped and not told:
            since = format_instant(datetime.fromtimestamp(last, UTC).replace(microsecond=0, tzinfo=None))
            alert = Alert(
                f"no tick has finished since {since}, and one was due within {limit}",
                (f"look at the schedule {names.name('every_few_minutes')} and at the latest runs",),
            )
            context.log.error(str(alert))
            on_alert(alert)
        context.update_cursor(f"{last!r} {'told' if has_stopped else 'well'}")
        on_end(None)
        return dg.SkipReason("no tick has finished for too long" if has_stopped else "ticks go on")

    return stopped_ticks


def _problem(event: dg.DagsterEvent) -> str:
    """The step that failed, and why where these are words of our own."""
    error = event.step_failure_data.error
    while error is not None and error.cls_name != DripsError.__name__:
        error = error.cause
    why = f": {error.message.partition(': ')[2].strip()}" if error else ""
    return f"step {event.step_key}{why}"


def _seen(cursor: str | None) -> tuple[float | None, bool]:
    """When the last tick had finished at the last look, and whether somebody was told."""
    if cursor is None:
        return None, False
    last, _, state = cursor.partition(" ")
    return float(last), state == "told"


def _tell(context: dg.RunStatusSensorContext, on_alert: Hook, alert: Alert) -> None:
    context.log.error(str(alert))
    on_alert(alert)


def _failed_checks(context: dg.RunStatusSensorContext) -> Iterator[str]:
    """A line for each check of severity ERROR that failed in this run, and passed or said something else before."""
    records = context.instance.get_records_for_run(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    for record in records:
        event = record.event_log_entry.dagster_event
        evaluation = event.asset_check_evaluation_data if event else None
        if evaluation is None or evaluation.passed or evaluation.severity != dg.AssetCheckSeverity.ERROR:
            continue
        line = _line(evaluation)
        if line != _line_before(context.instance, evaluation.asset_check_key, context.dagster_run.run_id):
            yield line


def _line_before(instance: dg.DagsterInstance, check: dg.AssetCheckKey, run_id: str) -> str | None:
    """What the check said in the last run before that one; None where it passed or there was none."""
    history = instance.event_log_storage.get_asset_check_execution_history(check, limit=_LOOKED_BACK)
    runs = [record.run_id for record in history]
    before = history[runs.index(run_id) + 1 :] if run_id in runs else history
    for record in before:
        event = record.event.dagster_event if record.event else None
        if event is None or record.run_id == run_id:
            continue
        evaluation = event.asset_check_evaluation_data
        return None if evaluation.passed else _line(evaluation)
    return None


def _line(evaluation: dg.AssetCheckEvaluation) -> str:
    words = evaluation.description or ", ".join(
        f"{name}: {value.value}" for name, value in evaluation.metadata.items() if value.value
    )
    return f"{evaluation.asset_key.to_user_string()} {evaluation.check_name}: {words}"
