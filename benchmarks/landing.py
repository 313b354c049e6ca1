"""How long a large file of events takes to land, and how much memory: ours, and DuckDB's own JSON reader beside it.

    python benchmarks/landing.py --events 10000000

The peer does less: no line numbers, no numbers as written, no idempotency, and a bad row becomes an empty one. Each
runs in a process of its own, and the memory is that process's peak.

    python benchmarks/landing.py --files 200000

asks what a folder costs in which nothing is new: CPU seconds of a tick's load and of the sensor's look, in a fresh
process and once more in the same, before the files are packed and after; and of loading the files, packing them, and
making the raw tables of them again.
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

from dagster_drips.landing.compaction import closed_files, pack_files
from dagster_drips.landing.known_files import KnownFiles
from dagster_drips.landing.load import load_again, load_landing
from dagster_drips.pipeline.landing_news import LandingWatch
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
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


def write_small_files(root: Path, count: int) -> None:
    """Files as the collector writes them, three events each, a second apart."""
    for kind in LANDING_KINDS:
        (root / "data/landing" / kind).mkdir(parents=True)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(count):
        name = f"collected-{at:%Y%m%dT%H%M%S}.123456Z-1f0a3c5d.jsonl"
        rows = "".join(_line(3 * number + nth) for nth in range(3))
        (root / "data/landing/events" / name).write_text(rows, encoding="utf-8")
        at += timedelta(seconds=1)


def load_files(root: Path) -> None:
    with open_warehouse(root / "data/warehouse.duckdb") as warehouse:
        load_landing(Project(root), warehouse, loaded_at=datetime(2026, 3, 1))
        warehouse.execute(
            "insert into journal.ticks select timestamp '2026-03-01', 'decided', timestamp '2026-03-01', max(load_id)"
            " from raw.loaded_files"
        )


def pack_them(root: Path) -> None:
    with open_warehouse(root / "data/warehouse.duckdb") as warehouse:
        loaded = closed_files(Project(root), warehouse, "own", datetime(2026, 4, 1))
    pack_files(Project(root), loaded)


def tick_with_nothing_new(root: Path) -> list[float]:
    seconds = []
    with open_warehouse(root / "data/warehouse.duckdb") as warehouse:
        # DuckDB's first look at a frame imports what any process needs once.
        KnownFiles(warehouse, "events").not_loaded(["x"])
        for _ in range(3):
            began = time.process_time()
            load_landing(Project(root), warehouse, loaded_at=datetime(2026, 3, 2))
            seconds.append(time.process_time() - began)
    return seconds


def looks_of_the_sensor(root: Path) -> list[float]:
    watch, digest, seconds = LandingWatch(Project(root)), None, []
    for _ in range(3):
        began = time.process_time()
        digest = watch.look(digest).digest
        seconds.append(time.process_time() - began)
    return seconds


def make_again(root: Path) -> None:
    with open_warehouse(root / "data/warehouse.duckdb", read_only=True) as warehouse:
        loaded = warehouse.rows("from raw.loaded_files")
    (root / "data/again.duckdb").unlink(missing_ok=True)
    with open_warehouse(root / "data/again.duckdb") as warehouse:
        load_again(Project(root), warehouse, loaded)


def measure_cpu(name: str, work: Callable[[Path], list[float] | None], root: Path) -> None:
    """Run it in a process of its own; prints the CPU seconds that it says, or that it took."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_cpu, args=(work, root, results))
    process.start()
    seconds = results.get()
    process.join()
    print(f"{name:44} {'  '.join(f'{one:8.3f}' for one in seconds)} s of CPU", flush=True)


def _cpu(work: Callable[[Path], list[float] | None], root: Path, results: multiprocessing.Queue) -> None:
    began = time.process_time()
    said = work(root)
    results.put(said or [time.process_time() - began])


def measure_files(root: Path, count: int) -> None:
    write_small_files(root, count)
    print(f"{count:,} files of three events", flush=True)
    measure_cpu("load", load_files, root)
    for state in ("by themselves", "packed"):
        measure_cpu(f"{state}: a tick's load, nothing new", tick_with_nothing_new, root)
        measure_cpu(f"{state}: the sensor's look", looks_of_the_sensor, root)
        measure_cpu(f"{state}: raw tables made again", make_again, root)
        if state != "packed":
            measure_cpu("pack", pack_them, root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="rows to generate (default 1,000,000)")
    parser.add_argument("--folder", type=Path, help="where to put the files (default: a temporary folder)")
    parser.add_argument("--files", type=int, help="ask about so many small files instead")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        if arguments.files:
            measure_files(root, arguments.files)
            return
        file = root / "data/landing/events/0001.jsonl"
        generate(file, arguments.events)
        print(f"{arguments.events:,} events, {file.stat().st_size / 2**30:.2f} GiB", flush=True)
        measure("ours", land, root, arguments.events)
        measure("peer", land_by_peer, root, arguments.events)


if __name__ == "__main__":
    main()
