"""The same ticks on each engine: CPU and seconds a phase, of the tick's own process and of the server's.

    python benchmarks/engines.py 1000 10000
    python benchmarks/engines.py 10000 --engines postgres

The project is that of `benchmarks/tick.py`: twenty sequences, ten segments, twenty events a lead. Its history is
loaded, a first tick decides over all of it, the next ones have nothing new, or five minutes' news; what is due is taken
to be sent, no mart is built. PostgreSQL is a server of the benchmark's own, as tests have it (64 MB of shared buffers,
nothing synced), and its CPU is that of all its processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tick import EVENTS_PER_LEAD, FIVE_MINUTES, REPOSITORY, START, make_project, write

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse, warehouse_of

ENGINES = ("duckdb", "postgres")
TICKS = ("first", "idle 0", "idle 1", "five minutes 0", "five minutes 1")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def measure(folder: Path, leads: int) -> dict[str, dict[str, dict[str, float]]]:
    """Ticks of one project, in this process: by tick and phase the CPU of each side, and seconds."""
    project = Project.at(folder)
    pipeline = Pipeline(project, Transform(project), None)
    told: dict[str, dict[str, dict[str, float]]] = {}

    def tick(name: str, instant: datetime) -> None:
        phases = told.setdefault(name, {})

        @contextmanager
        def around(phase: str) -> Generator[None]:
            began, ours, theirs = time.perf_counter(), time.process_time(), server_cpu()
            yield
            phases[phase] = {
                "seconds": time.perf_counter() - began,
                "ours": time.process_time() - ours,
                "server": server_cpu() - theirs,
            }

        with open_warehouse(warehouse_of(project)) as warehouse:
            pipeline.tick(warehouse, instant, settings=None, measure=False, around=around)

    now = START
    for name in TICKS:
        if name.startswith("five minutes"):
            rows = max(1, int(leads * EVENTS_PER_LEAD / 60 / 288))
            number = int(name[-1])
            write("news", folder, leads=leads, number=number, since=now, seconds=300, rows=rows)
        tick(name, now := now + FIVE_MINUTES)
    return told


def server_cpu() -> float:
    """Seconds of CPU that the server has taken, its ended processes among them; 0 where there is none."""
    if (server := os.environ.get("BENCH_SERVER_PID")) is None:
        return 0.0
    total = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = place.read_text().partition(" (")
        except OSError:
            continue  # it has just ended
        fields = rest.rpartition(") ")[2].split()
        if pid == server:
            total += sum(map(int, fields[11:15]))
        elif fields[1] == server:
            total += sum(map(int, fields[11:13]))
    return total / _TICKS_A_SECOND


@contextmanager
def settings_of(engine: str) -> Generator[Mapping[str, str]]:
    """What names the engine, and a new server where it is one."""
    if engine == "duckdb":
        yield {"DRIPS_TARGET": "duckdb"}
        return
    sys.path.append(str(REPOSITORY / "tests"))
    from postgres_server import postgres_server

    with postgres_server() as server:
        server.execute("create database drips")
        [[folder]] = server.execute("show data_directory")
        pid = (Path(folder) / "postmaster.pid").read_text().split()[0]
        yield {**server.settings("drips"), "BENCH_SERVER_PID": pid}


def measured(engine: str, leads: int) -> dict[str, dict[str, dict[str, float]]]:
    """One engine and size, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="drips-bench-") as place, settings_of(engine) as settings:
        make_project(REPOSITORY, Path(place), leads)
        command = [sys.executable, __file__, "--folder", place, str(leads)]
        process = subprocess.run(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, check=True)
        return json.loads(process.stdout.splitlines()[-1])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("leads", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder:
        print(json.dumps(measure(arguments.folder, arguments.leads[0])))
        return
    for leads in arguments.leads:
        for engine in arguments.engines:
            print(f"{leads:,} leads on {engine}: seconds (CPU: ours, server's)", flush=True)
            for tick, phases in measured(engine, leads).items():
                parts = {name: phases[name] for name in ("load", "decide", "commit", "settle")}
                parts["all"] = {key: sum(phase[key] for phase in phases.values()) for key in phases["load"]}
                words = (
                    f"{name} {part['seconds']:.2f} ({part['ours']:.2f}, {part['server']:.2f})"
                    for name, part in parts.items()
                )
                print(f"    {tick:16} {'  '.join(words)}", flush=True)


if __name__ == "__main__":
    main()
