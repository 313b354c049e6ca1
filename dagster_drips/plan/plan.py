"""What the working files would change for people, against what is live or a commit.

Both trees of files live the same days forward from the warehouse as it stands, each on its own copy; then they are
compared. Here belongs the order of things; comparing is `comparing`'s, telling `report`'s.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.landing.load import load_landing
from dagster_drips.pipeline.commits import STATEMENTS as TICKS
from dagster_drips.pipeline.replay import Span
from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.plan.comparing import STATEMENTS, Plan, compared, read_plan, write_rows
from dagster_drips.plan.edits import edits_of
from dagster_drips.plan.side import Side, run_side, side_in_background
from dagster_drips.plan.trees import LIVE, Tree, git_tree, live_tree, working_tree
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.versions import last_settings
from dagster_drips.settings import load_settings
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.copies import copy_of_warehouse

DAYS, EVERY = 14, timedelta(hours=6)
"""How far a plan looks ahead, and the time between its ticks, where nobody says."""


def plan(
    project: Project,
    *,
    files: Project | None = None,
    base: str = LIVE,
    days: float = DAYS,
    every: timedelta = EVERY,
    start: datetime | None = None,
    out: Path | None = None,
    on_tick: Callable[[datetime], None] = lambda as_of: None,
) -> Plan:
    """Compare the working files with what is live, or with a commit; nothing in the project changes.

    Args:
        project: with a warehouse, or none yet: then nothing is live.
        files: where the working files lie; in the project where None.
        base: `live`, or a git ref.
        days: how far to look ahead.
        every: between ticks.
        start: the first tick; where None, the wall clock or the second after the last tick.
        out: a folder for Parquet files of all differing rows; made where it is missing.
        on_tick: told of each tick of the working side.

    Raises:
        DripsError: the base can't be read, the instant is not later than the last tick, a model fails, or the warehouse
            is busy.
    """
    with scratch_folder(project) as scratch:
        warehouses = {name: scratch / name / "warehouse.duckdb" for name in ("base", "working")}
        for file in warehouses.values():
            file.parent.mkdir()
        copy_of_warehouse(project, warehouses["base"])
        working = working_tree(files or project, scratch / "working")
        with open_warehouse(warehouses["base"]) as warehouse:
            first = start.replace(microsecond=0) if start else _next_tick(warehouse)
            span = Span(first, first + timedelta(days=days), every)
            base_tree = _base_tree(project, base, scratch / "base", warehouse, working)
            # Once for both sides, so that neither sees a file that the other doesn't.
            load_landing(project, warehouse, fields=last_settings(warehouse).fields, loaded_at=utc_now())
            warehouse.checkpoint()
        shutil.copyfile(warehouses["base"], warehouses["working"])
        target = load_settings(project).target
        sides = {
            name: Side(tree.project.root, warehouses[name], span, target, tree.reads_sequences)
            for name, tree in (("base", base_tree), ("working", working))
        }
        with side_in_background(sides["base"], scratch) as base_report:
            with _told_of(scratch / "working", ""):
                report = run_side(sides["working"], on_tick)
            with _told_of(scratch / "base", f" (base {base})"):
                of_base = base_report()
        limits = read_catalog(working.project, segments=segment_names(working.project)).settings.plan
        with compared(warehouses["base"], warehouses["working"], span, scratch) as comparison:
            if out is not None:
                write_rows(comparison, out)
            edits = edits_of(base_tree, working, comparison)
            in_base = [f"{problem} (base {base})" for problem in of_base.problems if problem not in report.problems]
            return read_plan(
                comparison,
                base=base,
                span=span,
                edits=edits,
                limits=limits,
                problems=[*report.problems, *in_base],
                is_wrong=report.is_wrong,
            )


def _next_tick(warehouse: Warehouse) -> datetime:
    """Now, or where the last tick was this very second, or ahead of the clock, the second after it."""
    now, last = utc_now().replace(microsecond=0), warehouse.rows(TICKS["last_ticks"])[0]
    return max([now, *(tick + timedelta(seconds=1) for tick in last.values() if tick is not None)])


@contextmanager
def _told_of(folder: Path, which: str) -> Generator[None]:
    """What goes wrong inside it names files as they lie in the project, not in a throw-away folder."""
    try:
        yield
    except DripsError as error:
        file = error.file and error.file.replace(f"{folder}/", "")
        message = error.message.replace(f"{folder}/", "")
        raise DripsError(f"{message}{which}", file=file, line=error.line) from error


def _base_tree(project: Project, base: str, folder: Path, warehouse: Warehouse, working: Tree) -> Tree:
    if base != LIVE:
        return git_tree(project, folder, base)
    if warehouse.value(STATEMENTS["ever_ticked"]):
        return live_tree(project, folder, warehouse)
    # Nothing is live: the same rules, and no sequence.
    shutil.copytree(working.project.dbt, folder / "dbt_project", symlinks=True)
    (folder / "sequences").mkdir()
    return Tree(Project.at(folder), LIVE, reads_sequences=False)
