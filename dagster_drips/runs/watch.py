"""One tick after another in one process: when files land, and by the schedule.

The lock of the project is held during a tick and not between two, so that commands and other runs have their turn. A
tick that fails is told and ends nothing. Here belongs when a tick begins and when the process ends; what a tick is, is
`one_tick`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.locks import HeldElsewhere
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.runs.landed import Landed
from dagster_drips.runs.one_tick import run_tick
from dagster_drips.runs.report import RunReport
from dagster_drips.settings import DEFAULT_SCHEDULE, load_schedules

_LOOK_SECONDS = 1.0
START, LANDED, SCHEDULE = "start", "landed", "schedule"
"""What a tick is started by."""


class Stopped(Exception):
    """Somebody wants the process to end, and a phase has just ended."""


@dataclass(frozen=True)
class Outcome:
    """How a tick ended.

    Args:
        why: what started it.
        at: when it began, by the wall clock (UTC).
        report: what it did; None where it failed.
        error: why it failed.
    """

    why: str
    at: datetime
    report: RunReport | None = None
    error: Exception | None = None


class Watch:
    """Ticks of one project until `stop` is set.

    Args:
        pipeline: the project's own.
        send: send what is due; else it stays due.
        on_end: told of each tick.
        on_wait: told, once a time, that another run holds the project.
        stop: set by whoever wants the end: between two phases, or at once between two ticks.
        run: runs a tick.
        now: naive UTC.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        send: bool,
        on_end: Callable[[Outcome], None],
        on_wait: Callable[[], None],
        stop: threading.Event,
        run: Callable[..., RunReport] = run_tick,
        now: Callable[[], datetime] = utc_now,
    ):
        self._pipeline = pipeline
        self._send = send
        self._on_end = on_end
        self._on_wait = on_wait
        self._stop = stop
        self._run = run
        self._now = now
        self._landed = Landed(pipeline.project)
        self._schedule = DEFAULT_SCHEDULE
        self._rest = timedelta(0)

    def go_on(self) -> None:
        """Tick until the end is wanted; the first tick at once, for what came while nobody looked."""
        why: str | None = START
        while why is not None:
            began = self._now()
            try:
                self._tick(why, began)
            except Stopped:
                return
            why = self._next(began)

    def _tick(self, why: str, began: datetime) -> None:
        try:
            # Anew each time, as `.env` may have changed; a mistake in it fails the tick, and the schedule stays.
            self._schedule = load_schedules(self._pipeline.project).schedule
            outcome = Outcome(why, began, report=self._run_when_free())
        except Stopped:
            raise
        except Exception as error:
            outcome = Outcome(why, began, error=error)
        # As long as it took, nothing follows: a source that lands all the time gets half of the time.
        self._rest = self._now() - began
        self._on_end(outcome)

    def _run_when_free(self) -> RunReport:
        is_told = False
        while True:
            self._landed.take()
            try:
                return self._run(self._pipeline, send=self._send, wait_seconds=0, around=self._around)
            except HeldElsewhere:
                if not is_told:
                    self._on_wait()
                    is_told = True
                self._pause()

    @contextmanager
    def _around(self, phase: str) -> Generator[None]:
        if self._stop.is_set():
            raise Stopped
        yield

    def _pause(self) -> None:
        if self._stop.wait(_LOOK_SECONDS):
            raise Stopped

    def _next(self, began: datetime) -> str | None:
        """Wait for what starts the next tick; None where the end is wanted.

        A time of the schedule that has passed meanwhile is the tick that files start: one tick for both.
        """
        due, ended = self._schedule.following(began), self._now()
        # A tick has a second of its own (T1).
        earliest = max(began.replace(microsecond=0) + timedelta(seconds=1), ended + self._rest)
        while not self._stop.wait(_LOOK_SECONDS):
            now = self._now()
            if now >= due:
                return SCHEDULE
            if now >= earliest and self._landed.is_new():
                return LANDED
        return None


def words_of(error: Exception) -> str:
    """An error in one line: of a user's mistake its words, of a bug its kind, too."""
    text = " ".join(str(error).split())
    return text if isinstance(error, DripsError | OSError) else f"{type(error).__name__}: {text}"
