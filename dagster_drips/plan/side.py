"""One side of a plan: a tree of files lived forward over a copy of the warehouse, with notes of what each tick saw.

Here belongs running one side, also as a process of its own (`python -m dagster_drips.plan.side SPEC`), as the two sides
take a core each. What is compared stands in `differences`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.replay import Span
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.plan.stillness import ticks_that_matter
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("side.sql"))


@dataclass(frozen=True)
class Side:
    """What to run.

    Args:
        tree: the folder of its files.
        warehouse: its throw-away file, which holds the state to start from.
        span: the ticks.
        target: of dbt's profile.
        reads_sequences: whether the tree's sequence files count; without, what the warehouse has live does.
    """

    tree: Path
    warehouse: Path
    span: Span
    target: str
    reads_sequences: bool = True


@dataclass(frozen=True)
class SideReport:
    """What went wrong without stopping it: mistakes in files, each with its place, and segments without a result.

    `is_wrong`: a mistake keeps an active sequence's file, or one for all sequences, from being taken.
    """

    problems: list[str] = field(default_factory=list)
    is_wrong: bool = False


def run_side(
    side: Side,
    on_tick: Callable[[datetime], None] = lambda as_of: None,
    *,
    pipeline: Pipeline | None = None,
) -> SideReport:
    """Live one side's days; its warehouse then holds what it sent and decided, and schema `plan` what it noted.

    Args:
        side: what to run.
        on_tick: told of each tick when it is done.
        pipeline: on these files and this warehouse, where there is one already with dbt's parse in it.

    Raises:
        DripsError: the tree can't be read by dbt, or a model that is no segment fails.
    """
    project = Project.at(side.tree)
    if pipeline is None:
        transform = Transform(
            project,
            warehouse=side.warehouse,
            target_path=side.tree / "dbt_project" / "target",
            target=side.target,
        )
        pipeline = Pipeline(project, transform, journal=None)
    problems: list[str] = []
    is_wrong = False
    if side.reads_sequences:
        catalog = pipeline.catalog()
        problems += [str(problem) for problem in catalog.errors]
        is_wrong = bool(catalog.active_with_errors) or not (catalog.settings_valid and catalog.senders_valid)
    with open_warehouse(side.warehouse) as warehouse:
        # The other side has the other half of the cores.
        warehouse.execute(_STATEMENTS["set_threads"], [max(1, len(os.sched_getaffinity(0)) // 2)])
        for name in ("fold_seldom", "schema", "limit_waits", "open_sequences", "segment_members"):
            warehouse.execute(_STATEMENTS[name])
        for instant, report in ticks_that_matter(pipeline, warehouse, side.span, load=side.reads_sequences):
            if warehouse.value(_STATEMENTS["never_open"]):
                warehouse.execute(_STATEMENTS["note_open_sequences"])
            if instant == side.span.start:
                warehouse.execute(_STATEMENTS["note_segment_members"])
            if report:
                warehouse.execute(_STATEMENTS["note_limit_waits"])
                lines = (str(failure) for failure in report.decided.broken_segments)
                problems.extend(line for line in lines if line not in problems)
            on_tick(instant)
        warehouse.execute(_STATEMENTS["triggers"])
        warehouse.execute(_STATEMENTS["step_states"])
        warehouse.execute(_STATEMENTS["waiting_occurrences"])
        warehouse.checkpoint()
    return SideReport(problems, is_wrong)


@contextmanager
def side_in_background(side: Side, scratch: Path) -> Generator[Callable[[], SideReport]]:
    """Run a side in another process; yields what to call for its report, which waits for it.

    Raises:
        DripsError: by what is called: what `run_side` raises there, or that its process died.
    """
    spec, answer = scratch / "side.json", scratch / "side-report.json"
    written = {
        "tree": str(side.tree),
        "warehouse": str(side.warehouse),
        "start": side.span.start.isoformat(),
        "end": side.span.end.isoformat(),
        "every": side.span.every.total_seconds(),
        "target": side.target,
        "reads_sequences": side.reads_sequences,
        "answer": str(answer),
    }
    spec.write_text(json.dumps(written), encoding="utf-8")
    said = scratch / "side-said.txt"
    with said.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster_drips.plan.side", str(spec)],
            stdin=subprocess.PIPE,  # its end tells the side that this process is no more
            stdout=stream,
            stderr=stream,
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

    def report() -> SideReport:
        if process.wait() == 0:
            return SideReport(**json.loads(answer.read_text(encoding="utf-8")))
        if answer.exists():
            error: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            raise DripsError(error["message"], file=error["file"], line=error["line"])
        raise DripsError(f"the process of this side ended with {process.returncode}: {_end_of(said)}")

    try:
        yield report
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _end_of(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip()[-500:]


def _end_with_parent() -> None:
    os.read(0, 1)  # not by sys.stdin, whose lock a thread may not hold when Python ends
    os._exit(1)


def _main(spec: Path) -> int:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    given = json.loads(spec.read_text(encoding="utf-8"))
    span = Span(
        datetime.fromisoformat(given["start"]),
        datetime.fromisoformat(given["end"]),
        timedelta(seconds=given["every"]),
    )
    side = Side(Path(given["tree"]), Path(given["warehouse"]), span, given["target"], given["reads_sequences"])
    answer = Path(given["answer"])
    try:
        report = run_side(side)
    except DripsError as error:
        answer.write_text(json.dumps({"message": error.message, "file": error.file, "line": error.line}))
        return 1
    answer.write_text(json.dumps(asdict(report)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(Path(sys.argv[1])))
