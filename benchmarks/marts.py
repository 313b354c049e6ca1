"""What the marts of a tick and publishing them cost: CPU, time and memory of whole processes, and the ratio to a peer.

    python benchmarks/marts.py --messages 200000
    python benchmarks/marts.py --against ../another-checkout

Three ticks are told apart: the first, one that adds 1 % to everything, and one without news.

The peer is another checkout of this repository, with its own models and code on the same data, side by side. dbt's
start and parse are in the marts' share, as they are in a tick's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.demo.folder import activate_drafts
from dagster_drips.pipeline.dbt_package import copied_without
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.statements import named_statements

REPOSITORY = Path(__file__).parent.parent
START = datetime(2026, 3, 1)
STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
GENERATED = ("leads", "events", "files", "enrollments", "deliveries", "engagement")
NEWS = ("news", "new_leads", "new_events", "new_enrollments", "new_deliveries", "new_engagement")


def make_project(checkout: Path, folder: Path) -> None:
    for name in ("sequences", "dbt_project"):
        shutil.copytree(checkout / name, folder / name, ignore=copied_without("target", "logs"))
    activate_drafts(folder / "sequences")
    (folder / "data" / "journal").mkdir(parents=True)


def prepare(project: Project, messages: int) -> None:
    """A tick has decided over the whole past and is finished."""
    tick(project, GENERATED, START + timedelta(days=31), {"start": START, "messages": messages})


def add_news(project: Project, messages: int) -> None:
    """Another tick, five minutes after the last one, with 1 % more of everything."""
    with open_warehouse(project.warehouse) as warehouse:
        last, load = warehouse.rows(STATEMENTS["last"])[0].values()
    as_of = last + timedelta(minutes=5)
    tick(project, NEWS, as_of, {"as_of": as_of, "load": load + 1, "messages": messages})


def let_time_pass(project: Project, messages: int) -> None:
    """Another tick, five minutes after the last one, with nothing new."""
    with open_warehouse(project.warehouse) as warehouse:
        last = warehouse.rows(STATEMENTS["last"])[0]["as_of"]
    tick(project, (), last + timedelta(minutes=5), {})


def tick(project: Project, statements: tuple[str, ...], as_of: datetime, given: dict[str, object]) -> None:
    pipeline = Pipeline(project, Pipeline.of(project).transform, None)
    with open_warehouse(project.warehouse) as warehouse:
        pipeline.begin(warehouse, as_of)
        pipeline.load_sequences(warehouse)
        for name in statements:
            used = {key: value for key, value in given.items() if f"${key}" in STATEMENTS[name]}
            warehouse.rows(STATEMENTS[name], used)
        pipeline.decide(warehouse)
        pipeline.commit_decisions(warehouse)
        pipeline.pretend_to_send(warehouse)
        pipeline.settle(warehouse)
        print(f"{warehouse.value('select count(distinct message_id) from raw.delivery_log'):,} messages", flush=True)


def build_marts(project: Project) -> None:
    failed = [node for node in Pipeline.of(project).measure() if node.failed]
    if failed:
        raise SystemExit(f"{failed[0].name}: {failed[0].message}")


def publish_marts(project: Project) -> None:
    descriptions = Pipeline.of(project).transform.descriptions()
    with open_warehouse(project.warehouse) as warehouse:
        publish(warehouse, project.published, descriptions)


def measured(phase: str, checkout: Path, folder: Path, messages: int) -> tuple[float, float, float]:
    """CPU seconds, seconds and peak GiB of a phase in a process of its own, with that checkout's code."""
    command = [sys.executable, __file__, "--phase", phase, "--folder", str(folder), "--messages", str(messages)]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(checkout)})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{phase} failed")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--against", type=Path, help="another checkout of this repository")
    parser.add_argument("--rounds", type=int, default=3, help="the least of so many counts")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.phase:
        project = Project.at(arguments.folder)
        phase = PHASES[arguments.phase]
        phase(project, arguments.messages) if arguments.phase in NOT_MEASURED else phase(project)
        return
    checkouts = {"ours": REPOSITORY} | ({"peer": arguments.against.resolve()} if arguments.against else {})
    with tempfile.TemporaryDirectory(prefix="drips-bench-") as place:
        for name, checkout in checkouts.items():
            make_project(checkout, Path(place, name))
            measured("prepare", checkout, Path(place, name), arguments.messages)
        print(f"{'':17}{'':6} {'CPU s':>7} {'s':>7} {'GiB':>6}")
        for title, before in (("first", None), ("1 % more", "news"), ("idle", "idle")):
            best = {(phase, name): (float("inf"), 0.0, 0.0) for phase in ("marts", "publish") for name in checkouts}
            # dbt compiles at the first of all; of the first tick's there is one.
            for _ in range(arguments.rounds if before else 1):
                for name, checkout in checkouts.items():
                    if before:
                        measured(before, checkout, Path(place, name), arguments.messages)
                for (phase, name), known in best.items():
                    found = measured(phase, checkouts[name], Path(place, name), arguments.messages)
                    best[phase, name] = min(known, found)
            for (phase, name), (cpu, seconds, peak) in best.items():
                peer = best.get((phase, "peer"), (0.0,))[0] if name == "ours" else 0.0
                ratio = f"  {cpu / peer:.2f} of the peer's CPU" if peer else ""
                print(f"{title:9}{phase:8}{name:6} {cpu:7.1f} {seconds:7.1f} {peak:6.2f}{ratio}", flush=True)


NOT_MEASURED = {"prepare": prepare, "news": add_news, "idle": let_time_pass}
PHASES = {**NOT_MEASURED, "marts": build_marts, "publish": publish_marts}

if __name__ == "__main__":
    main()
