"""Real ticks over past (or coming) instants on a throw-away warehouse, with sending pretended.

The same phases as a live tick, in one process with one dbt parse; dbt compiles the models once
(`pipeline/compiled.py`). What differs: landed files and sequence files are read once, nothing is journaled, every due
step is taken to be sent (M4). Comparing what comes out is `comparison`'s matter.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.late_data import Knowing, LateRows, loads_of
from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.pipeline.tick import Decided, Pipeline, TickReport
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.copies import copy_of_warehouse
from dagster_drips.warehouse.statements import named_statements

STATEMENTS = named_statements(Path(__file__).with_name("replay.sql"))


@dataclass(frozen=True)
class Span:
    """The instants `start`, `start + every`, … up to and including `end`."""

    start: datetime
    end: datetime
    every: timedelta

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise DripsError(f"--to {format_instant(self.end)} is before --from {format_instant(self.start)}")
        if self.every < timedelta(seconds=1):
            raise DripsError("--every must be at least a second")

    def instants(self) -> list[datetime]:
        """All of them, in order."""
        count = (self.end - self.start) // self.every + 1
        return [self.start + number * self.every for number in range(count)]


@contextmanager
def replayed(
    project: Project,
    span: Span,
    *,
    continued: bool = False,
    knowing: Knowing = "as_landed",
    edit: Callable[[Catalog], Catalog] = lambda catalog: catalog,
    on_tick: Callable[[Decided], None] | None = None,
    on_catalog: Callable[[Catalog], None] | None = None,
) -> Generator[tuple[Warehouse, Pipeline]]:
    """Replay a span; yields the throw-away warehouse as it stands after the last tick, and its pipeline.

    Args:
        project: whose landed files, sequences and models to use; nothing in it changes but dbt's list of segments.
        span: the ticks.
        continued: start from the project's warehouse as it stands instead of an empty one; where it has had ticks since
            the first of these, as it stood before that, knowing all that has landed since.
        knowing: when landed rows are known.
        edit: what the sequence files are taken to say instead of what they do.
        on_tick: told of each tick when it is done.
        on_catalog: told what the sequence files say, before the first tick decides.

    Raises:
        DripsError: a broken dbt project, or a warehouse that is busy.
    """
    late = LateRows(knowing, loads_of(project)) if knowing != "as_landed" else None
    with scratch_folder(project) as scratch:
        file = scratch / "warehouse.duckdb"
        if continued:
            copy_of_warehouse(project, file)
        transform = Transform(project, warehouse=file, target_path=scratch / "target")
        pipeline = Pipeline(project, transform, journal=None, edit=edit)
        with open_warehouse(file) as warehouse:
            go_back(warehouse, span.start)
            if on_catalog:
                on_catalog(pipeline.catalog())
            after_loading = late.settle if late else None
            for report in ticks(pipeline, warehouse, span, after_loading=after_loading):
                if on_tick:
                    on_tick(report.decided)
            yield warehouse, pipeline


def ticks(
    pipeline: Pipeline,
    warehouse: Warehouse,
    span: Span,
    *,
    load: bool = True,
    after_loading: Callable[[Warehouse, datetime], None] | None = None,
) -> Iterator[TickReport]:
    """Run the ticks of a span with sending pretended, one by one as they are asked for.

    Args:
        pipeline: without a journal.
        warehouse: its throw-away one.
        span: the ticks.
        load: the first one reads sequence and landing files; without it none does.
        after_loading: called at each tick before it decides.
    """
    for number, instant in enumerate(span.instants()):

        @contextmanager
        def around(phase: str, instant: datetime = instant) -> Generator[None]:
            yield
            if phase == "load" and after_loading:
                after_loading(warehouse, instant)

        yield pipeline.tick(warehouse, instant, settings=None, load=load and number == 0, measure=False, around=around)


def go_back(warehouse: Warehouse, start: datetime) -> None:
    """Take out of a throw-away warehouse what its ticks from `start` on decided and sent."""
    with warehouse.transaction():
        for name, statement in STATEMENTS.items():
            if name.startswith("go_back_"):
                warehouse.execute(statement, [start])


def sends(warehouse: Warehouse, span: Span) -> pl.DataFrame:
    """What would be sent in that span, one row a message, in the contract's columns and order."""
    return warehouse.frame(STATEMENTS["sends"], [span.start, span.end])


def write_sends(frame: pl.DataFrame, file: Path) -> None:
    """Write them as CSV or Parquet, by the file's ending.

    Raises:
        DripsError: another ending, or the file can't be written.
    """
    if file.suffix not in (".csv", ".parquet"):
        raise DripsError("--out takes a name that ends in .csv or .parquet", file=file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".parquet":
            frame.with_columns(pl.col("as_of").dt.replace_time_zone("UTC")).write_parquet(file)
        else:
            frame.with_columns(pl.col("as_of").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(file)
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=file) from error
