"""When a process that goes on begins a tick and when it ends: by a script, not a clock, so that nothing is timed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dagster_drips.errors import DripsError
from dagster_drips.locks import HeldElsewhere
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.runs.watch import Outcome, Watch, words_of

Step = Callable[[], None]
BEGAN = datetime(2026, 3, 1, 8, 0, 30)


class World(threading.Event):
    """A clock, and what happens from one look to the next; when there is nothing more, the end is wanted."""

    def __init__(self, project: Project, steps: list[Step]):
        super().__init__()
        self.project = project
        self.now = BEGAN
        self._steps = iter(steps)
        self.ended: list[Outcome] = []
        self.waited = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timedelta(seconds=timeout or 0)
        step = next(self._steps, self.set)
        step()
        return self.is_set()

    def run(self, work: Callable[..., Any]) -> list[str]:
        """What started each tick, with the time of day; `work` is done by each."""
        Watch(
            Pipeline.of(self.project),
            send=False,
            on_end=self.ended.append,
            on_wait=self._wait,
            stop=self,
            run=work,
            now=lambda: self.now,
        ).go_on()
        return [f"{outcome.why} {outcome.at:%H:%M:%S}" for outcome in self.ended]

    def _wait(self) -> None:
        self.waited += 1

    def land(self, name: str) -> Step:
        def step() -> None:
            folder = self.project.landing / "leads"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("lead_id\n")

        return step

    def sleep(self, **time: float) -> Step:
        def step() -> None:
            self.now += timedelta(**time)

        return step


def nothing() -> None: ...


def tick(*_: object, **__: object) -> Any:
    return None


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    return Project.at(tmp_path)


def test_a_tick_at_once_then_by_the_schedule_and_when_files_land(project: Project) -> None:
    world = World(project, [])
    world._steps = iter([nothing, world.land("a.csv"), nothing, world.sleep(minutes=5), nothing])
    assert world.run(tick) == ["start 08:00:30", "landed 08:00:32", "schedule 08:05:34"]


def test_files_and_the_schedule_at_once_are_one_tick(project: Project) -> None:
    world = World(project, [])

    def both() -> None:
        world.land("a.csv")()
        world.sleep(minutes=5)()

    world._steps = iter([both, nothing, nothing])
    assert world.run(tick) == ["start 08:00:30", "schedule 08:05:31"]


def test_what_lands_during_a_tick_starts_another_and_rests_as_long_as_the_tick_took(project: Project) -> None:
    world = World(project, [nothing] * 40)
    lands = iter([world.land("a.csv")])

    def work(*_: object, **__: object) -> Any:
        next(lands, nothing)()
        world.sleep(seconds=20)()

    assert world.run(work) == ["start 08:00:30", "landed 08:01:10"]


def test_a_tick_that_fails_is_told_and_the_next_one_comes_by_the_schedule(project: Project) -> None:
    world = World(project, [])
    world._steps = iter([nothing, world.sleep(minutes=5)])
    failures: Iterator[Exception] = iter([DripsError("no mail server is set"), KeyError("a bug")])

    def work(*_: object, **__: object) -> Any:
        raise next(failures)

    assert world.run(work) == ["start 08:00:30", "schedule 08:05:32"]
    told = [words_of(outcome.error) for outcome in world.ended if outcome.error]
    assert told == ["no mail server is set", "KeyError: 'a bug'"]


def test_another_run_is_waited_for_and_told_of_once(project: Project) -> None:
    world = World(project, [nothing] * 3)
    busy = iter([True, True])

    def work(*_: object, wait_seconds: float, **__: object) -> Any:
        assert wait_seconds == 0, "the end could not be wanted while the lock is waited for"
        if next(busy, False):
            raise HeldElsewhere("another run of this project is going on")

    assert world.run(work) == ["start 08:00:30"]
    assert world.waited == 1


def test_the_end_is_taken_between_two_phases_and_leaves_no_report(project: Project) -> None:
    world = World(project, [])
    phases = []

    def work(*_: object, around: Callable[[str], Any], **__: object) -> Any:
        with around("begin"):
            phases.append("begin")
            world.set()
            phases.append("its end")
        with around("load"):
            phases.append("load")

    assert world.run(work) == []
    assert phases == ["begin", "its end"]


def test_a_schedule_of_the_projects_env_counts_from_the_next_tick_and_a_bad_one_fails_a_tick(project: Project) -> None:
    world = World(project, [])
    env = project.root / ".env"
    env.write_text("DRIPS_SCHEDULE=0 * * * *\n")

    def spoil() -> None:
        env.write_text("DRIPS_SCHEDULE=often\n")
        world.sleep(hours=1)()

    world._steps = iter([world.sleep(minutes=5), spoil, nothing])
    assert world.run(tick) == ["start 08:00:30", "schedule 09:05:32"]
    assert [bool(outcome.error) for outcome in world.ended] == [False, True]
