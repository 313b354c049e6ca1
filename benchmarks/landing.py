"""How long a large file of events takes to land, and how much memory: ours, and DuckDB's own JSON reader beside it.

    python benchmarks/landing.py --events 10000000

The peer does less: no line numbers, no numbers as written, no idempotency, and a bad row becomes an empty one. Each
runs in a process of its own, and the memory is that process's peak.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from dagster_drips.landing.load import load_landing
from dagster_drips.project import Project
from dagster_drips.warehouse.port import open_warehouse

EVENTS = ("page_viewed", "login", "trial_started", "purchase")
START = datetime(2026, 1, 1, tzinfo=UTC)
LINES_A_WRITE = 100_000


def generate(path: Path, count: int) -> None:
    """A file of events of which one in a thousand repeats an earlier id and one in ten thousand is malformed."""
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8") as stream:
        for first in range(0, count, LINES_A_WRITE):
            stream.writelines(_line(number) for number in range(first, min(first + LINES_A_WRITE, count)))


def _line(number: int) -> str:
    if number % 10_000 == 9_999:
        return "{not json\n"
    key = number - 500 if number % 1_000 == 999 else number
    event = {
        "event_id": f"{key * 2_654_435_761 % 2**48:012x}-{key:010d}",
        "lead_id": f"L{number % 1_000_003:07d}",
        "event": EVENTS[number % len(EVENTS)],
        "occurred_at": (START + timedelta(seconds=number / 7)).isoformat(),
        "properties": {"plan": "pro", "seats": number % 50, "price": number % 1000 / 8, "trial": number % 3 == 0},
    }
    if number % 4 == 3:
        event |= {"value": number % 10_000 / 100, "currency": "EUR"}
    return json.dumps(event) + "\n"


def land(root: Path) -> str:
    with open_warehouse(root / "data" / "ours.duckdb") as warehouse:
        warehouse.execute("set enable_progress_bar = false")
        report = load_landing(Project(root), warehouse, kinds=["events"], loaded_at=datetime(2026, 1, 1))["events"]
    return f"{report.rows} taken, {report.rejected} rejected, {report.duplicates} duplicates"


def land_by_peer(root: Path) -> str:
    with duckdb.connect(root / "data" / "peer.duckdb") as connection:
        connection.execute("set memory_limit = '600MiB'")
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            "create table events as from read_json(?, format = 'newline_delimited', ignore_errors = true, columns ="
            " {event_id: 'varchar', lead_id: 'varchar', event: 'varchar', occurred_at: 'timestamp',"
            " properties: 'json', value: 'decimal(18, 4)', currency: 'varchar'})",
            [str(root / "data/landing/events/0001.jsonl")],
        )
        rows = connection.execute("select count(*) from events").fetchall()[0][0]
    return f"{rows} rows"


def measure(name: str, work: Callable[[Path], str], root: Path, count: int) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_measured, args=(work, root, results))
    process.start()
    seconds, peak, said = results.get()
    process.join()
    print(
        f"{name:8} {seconds:7.1f} s  {count / seconds:9,.0f} rows/s  {peak / 2**20:5.2f} GiB peak  {said}", flush=True
    )


def _measured(work: Callable[[Path], str], root: Path, results: multiprocessing.Queue) -> None:
    began = time.perf_counter()
    said = work(root)
    # Linux counts in KiB.
    results.put((time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="rows to generate (default 1,000,000)")
    parser.add_argument("--folder", type=Path, help="where to put the files (default: a temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        file = root / "data/landing/events/0001.jsonl"
        generate(file, arguments.events)
        print(f"{arguments.events:,} events, {file.stat().st_size / 2**30:.2f} GiB", flush=True)
        measure("ours", land, root, arguments.events)
        measure("peer", land_by_peer, root, arguments.events)


if __name__ == "__main__":
    main()
