"""Two weeks in a minute: ticks of the real pipeline on made-up leads, with people who react to what they are sent.

The order of things only. Mail goes over SMTP to a sink on this machine and nowhere else, whatever the environment says.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.demo.folder import demo_project
from dagster_drips.demo.people import People, write_facts
from dagster_drips.demo.report import DemoTables, read_tables
from dagster_drips.demo.sample import Sample, make_sample
from dagster_drips.demo.sink_process import mail_sink
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.replay import Span
from dagster_drips.pipeline.segments import is_read
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.settings import Settings, load_settings
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.database import need_file
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("tables.sql"))


@dataclass(frozen=True)
class DemoPlan:
    """How large the demo is, and the fixed fortnight that it plays in: the same plan gives the same decisions.

    `first_tick` to `last_tick` at every `every`, on whole hours; `sample_start` is the first day that events tell of.
    Of 02:00 and 14:00 UTC one lies in the office hours of every place in `demo.names`: ticks twelve hours apart could
    miss a send window of eight for good (M5).
    """

    seed: int = 1
    leads: int = 5_000
    events: int = 60_000
    sample_start: datetime = datetime(2026, 2, 13, 2)
    first_tick: datetime = datetime(2026, 3, 1, 2)
    last_tick: datetime = datetime(2026, 3, 15, 2)
    every: timedelta = timedelta(hours=12)

    @property
    def ticks(self) -> list[datetime]:
        """The instants of all ticks."""
        return Span(self.first_tick, self.last_tick, self.every).instants()


@dataclass(frozen=True)
class DemoReport:
    """What the demo did, and the project it left behind."""

    project: Project
    sample: Sample
    sent: int
    """Messages."""
    seconds: dict[str, float]
    """By phase."""
    tables: DemoTables


def run_demo(
    source: Project,
    folder: Path,
    plan: DemoPlan,
    *,
    on_step: Callable[[str], None] | None = None,
) -> DemoReport:
    """Make the demo's project in `folder` and let its ticks go by.

    Args:
        source: whose sequences and models to use; it is left as it is.
        folder: the demo's own, emptied first if an earlier demo made it.
        plan: how large, and when.
        on_step: told a word after each of `steps_of(plan)` pieces of work.

    Raises:
        DripsError: the folder is somebody's, a model or a sequence is broken, or mail didn't go out.
    """
    step = on_step or (lambda _: None)
    with demo_project(source, folder) as project:
        if load_settings(project).object_store_url is not None:
            raise DripsError("made-up people must not go into a bucket: unset DRIPS_OBJECT_STORE_URL for the demo")
        need_file(project)
        clock: dict[str, float] = defaultdict(float)
        with _timed(clock, "sample"):
            sample = make_sample(
                plan.seed, leads=plan.leads, events=plan.events, start=plan.sample_start, ticks=plan.ticks
            )
        step(f"{sample.leads:,} leads, {sample.events:,} events")
        pipeline, people = Pipeline.of(project), People(plan.seed)
        with _timed(clock, "parse dbt"):
            if not is_read(project, pipeline.transform):
                pipeline.transform.manifest()
        step("models parsed")
        with mail_sink(project.outbox) as url, open_warehouse(project.warehouse) as warehouse:
            before, total = None, 0
            for tick in plan.ticks:
                sample.land(project, before, tick)
                sent = _tick(pipeline, warehouse, _only_to(url), tick, clock)
                total, before = total + sent.sent, tick
                if sent.sent:
                    _react(people, project, warehouse, tick)
                step(f"{tick:%a %d %b %H:%M}, {sent.sent} sent")
            with _timed(clock, "measure"):
                failed = [node for node in pipeline.measure() if node.failed]
            if failed:
                raise DripsError(f"dbt model {failed[0].name} failed: {failed[0].message}")
            step("marts built")
            with _timed(clock, "publish"):
                warehouse.checkpoint()
                publish(warehouse, project.published, pipeline.transform.descriptions())
            tables = read_tables(warehouse, project.outbox)
            step("marts published")
        return DemoReport(project, sample, total, dict(clock), tables)


def steps_of(plan: DemoPlan) -> int:
    """How many pieces of work a demo tells of: sample, parse, each tick, marts, publishing."""
    return len(plan.ticks) + 4


def _tick(
    pipeline: Pipeline, warehouse: Warehouse, settings: Settings, as_of: datetime, clock: dict[str, float]
) -> DispatchReport:
    report = pipeline.tick(
        warehouse, as_of, settings=settings, measure=False, around=lambda phase: _timed(clock, phase)
    )
    for problem in report.problems:
        raise DripsError(problem.message, file=problem.file, line=problem.line)
    for broken in report.decided.broken_segments:
        raise DripsError(broken.reason, file=broken.file)
    sent = report.sent or DispatchReport()
    if sent.stopped:
        raise DripsError(f"sending stopped: {sent.stopped}")
    return sent


def _react(people: People, project: Project, warehouse: Warehouse, tick: datetime) -> None:
    facts = people.react(warehouse.rows(_STATEMENTS["sent_at"], [tick]))
    if facts:
        write_facts(facts, project.landing / "engagement" / f"{tick:%Y-%m-%dT%H%M}.jsonl")


def _only_to(url: str) -> Settings:
    """Settings that owe nothing to the environment: the demo's mail goes to its own sink."""
    return Settings(
        target="duckdb",
        smtp_url=url,
        smtp_password=None,
        smtp_connections=2,
        public_url=None,
        secret_keys=(),
        write_keys=(),
    )


@contextmanager
def _timed(clock: dict[str, float], phase: str) -> Generator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        clock[phase] += time.perf_counter() - started
