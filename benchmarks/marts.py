"""What the marts of a tick and publishing them cost: CPU, time and memory of whole processes, and the ratio to a peer.

    python benchmarks/marts.py --messages 200000
    python benchmarks/marts.py --against ../another-checkout

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


def make_project(checkout: Path, folder: Path) -> None:
    for name in ("sequences", "dbt_project"):
        shutil.copytree(checkout / name, folder / name, ignore=copied_without("target", "logs"))
    activate_drafts(folder / "sequences")
    (folder / "data" / "journal").mkdir(parents=True)


def prepare(project: Project, messages: int) -> None:
    """A tick has decided over the whole past and is finished."""
    pipeline = Pipeline(project, Pipeline.of(project).transform, None)
    with open_warehouse(project.warehouse) as warehouse:
        pipeline.begin(warehouse, START + timedelta(days=31))
        pipeline.load_sequences(warehouse)
        given = {"start": START, "messages": messages}
        for name in GENERATED:
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
    with open_warehouse(project.warehouse) as warehouse:
        publish(warehouse, project.published)


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
        prepare(project, arguments.messages) if arguments.phase == "prepare" else PHASES[arguments.phase](project)
        return
    checkouts = {"ours": REPOSITORY} | ({"peer": arguments.against.resolve()} if arguments.against else {})
    with tempfile.TemporaryDirectory(prefix="drips-bench-") as place:
        for name, checkout in checkouts.items():
            make_project(checkout, Path(place, name))
            measured("prepare", checkout, Path(place, name), arguments.messages)
        print(f"{'':8}{'':6} {'CPU s':>7} {'s':>7} {'GiB':>6}")
        for phase in ("marts", "publish"):
            best = {name: (float("inf"), 0.0, 0.0) for name in checkouts}
            for _ in range(arguments.rounds):
                for name, checkout in checkouts.items():
                    best[name] = min(best[name], measured(phase, checkout, Path(place, name), arguments.messages))
            for name, (cpu, seconds, peak) in best.items():
                ratio = f"  {cpu / best['peer'][0]:.2f} of the peer's CPU" if name == "ours" and "peer" in best else ""
                print(f"{phase:8}{name:6} {cpu:7.1f} {seconds:7.1f} {peak:6.2f}{ratio}", flush=True)


PHASES = {"prepare": prepare, "marts": build_marts, "publish": publish_marts}

if __name__ == "__main__":
    main()
