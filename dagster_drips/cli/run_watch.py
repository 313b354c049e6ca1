"""`drips run --watch`: printing a line for each tick, and ending when it is told to."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import typer

from dagster_drips.alerts.looking import RunEnd
from dagster_drips.cli.run_ends import say_waiting, tell
from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.runs.watch import Outcome, Watch, words_of

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def watch_project(project: Project, job: str, *, send: bool, as_json: bool) -> None:
    """Tick until SIGTERM or SIGINT; the second of them ends the process where it is, which the journal outlives."""

    def told(outcome: Outcome) -> None:
        tell(project, RunEnd(job, words_of(outcome.error) if outcome.error else None))
        _print(outcome, as_json=as_json)

    with _stopped_by_signals() as stop:
        Watch(Pipeline.of(project), send=send, on_end=told, on_wait=say_waiting, stop=stop).go_on()
    typer.echo("stopped", err=True)


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if outcome.report is None:
        assert outcome.error is not None
        at = format_instant(outcome.at.replace(microsecond=0))
        typer.echo(f"{at}  {outcome.why}: failed: {words_of(outcome.error)}", err=True)
        if not isinstance(outcome.error, DripsError | OSError):
            traceback.print_exception(outcome.error)
    elif as_json:
        import json

        typer.echo(json.dumps({"why": outcome.why, **outcome.report.as_dict()}))
    else:
        typer.echo(outcome.report.line(outcome.why))


@contextmanager
def _stopped_by_signals() -> Generator[threading.Event]:
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
