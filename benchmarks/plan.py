"""What `drips plan` costs: wall clock, CPU and peak memory of the whole command, both sides included.

The project is that of `benchmarks/replay.py` after one tick in the middle of its history; then a delay, a cap and a
segment are edited, and the plan looks 14 days ahead every 6 hours.

Run it with `uv run python benchmarks/plan.py`, or name sizes: `… plan.py 10000 100000`. The goal is two minutes for
100,000 leads on two cores.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from replay import START, make_project

TICK = START + timedelta(days=10)


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000]
    print(f"{'leads':>8} {'first tick s':>12} {'plan s':>8} {'CPU s':>8} {'peak MiB':>9}")
    for leads in sizes:
        with tempfile.TemporaryDirectory(prefix="drips-bench-") as folder:
            project = make_project(Path(folder), leads)
            tick, _ = drips(project, "run", "--no-send", "--as-of", TICK.isoformat())
            edit(project)
            start = (TICK + timedelta(hours=6)).isoformat()
            seconds, cpu = drips(project, "plan", "--from", start, "--days", "14", "--every", "6h")
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{leads:>8} {tick:>12.1f} {seconds:>8.1f} {cpu:>8.1f} {peak:>9.0f}", flush=True)


def edit(project: Path) -> None:
    """A delay, the cap and a segment."""
    file = next(path for path in sorted((project / "sequences").glob("*/sequence.yml")) if "delay:" in path.read_text())
    file.write_text(file.read_text().replace("delay: {days: 1}", "delay: {days: 2}"))
    settings = project / "sequences" / "project.yml"
    settings.write_text(settings.read_text().replace("messages: 4", "messages: 2"))
    segment = project / "dbt_project" / "models" / "segments" / "dormant.sql"
    segment.write_text(f"select lead_id from (\n{segment.read_text()}\n) as fewer where lead_id < 'L5'\n")


def drips(project: Path, *arguments: str) -> tuple[float, float]:
    """Wall clock and CPU seconds of a command and all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    command = [sys.executable, "-m", "dagster_drips", *arguments, "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, cpu


if __name__ == "__main__":
    main()
