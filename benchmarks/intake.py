"""What intake costs: a million leads in a table, of which one in a hundred has changed since they were landed.

    python benchmarks/intake.py --leads 1000000

prints seconds by the wall and of CPU, and the peak of the whole process, of the intake of a tick at which one lead in a
hundred has changed and of one at which none has. The first landing of them all is shown apart: it is a file that is
loaded like any other (benchmarks/landing.py).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.pipeline.intake_rows import compare, land_news, let_go, note_landed
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

FIRST = datetime(2026, 3, 1)
LEADS = """
create or replace table crm_customers as
select
    'L' || lpad(n::varchar, 9, '0') as lead_id,
    timestamp '2025-01-01' + to_seconds(n * 17) as created_at,
    'person' || n || '@customers.example' as email,
    'First' || n % 977 as first_name,
    'Last' || n % 7919 as last_name,
    'Company ' || n % 50021 as company,
    'de' as country,
    'Europe/Berlin' as timezone,
    case when n % 3 = 0 then ['trial', 'web'] else ['customer'] end as tags,
    (n % 50)::integer as seats,
    (n % 1000 / 8)::decimal(10, 2) as spent,
    n % 2 = 0 as paid,
    date '2025-01-01' + (n % 400)::integer as since
from range(?) as numbers(n)
"""
CHANGE = "update crm_customers set seats = seats + 1000 where hash(lead_id) % 100 = 0"


def intake(root: Path, as_of: datetime) -> int:
    with open_warehouse(root / "data/warehouse.duckdb") as warehouse:
        note_landed(Project(root), warehouse)
        columns, _ = compare(warehouse, "leads", '"main"."crm_customers"', as_of)
        landed = land_news(Project(root), warehouse, "leads", columns, as_of)
        let_go(warehouse)
        note_landed(Project(root), warehouse)
    return landed


def measured(name: str, work: Callable[[Path, datetime], int], root: Path, as_of: datetime) -> None:
    """Run it in a process of its own, as nothing else may count."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        wall, cpu, peak, landed = processes.submit(_measured, work, root, as_of).result()
    print(
        f"{name:28} {wall:6.2f} s  {cpu:6.2f} s of CPU  {peak / 2**20:5.2f} GiB peak  {landed:>9,} landed", flush=True
    )


def _measured(work: Callable[[Path, datetime], int], root: Path, as_of: datetime) -> tuple[float, float, int, int]:
    wall, cpu = time.perf_counter(), time.process_time()
    landed = work(root, as_of)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    # Linux counts in KiB.
    return *spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, landed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with open_warehouse(root / "data/warehouse.duckdb") as warehouse:
            warehouse.execute(LEADS, [arguments.leads])
        measured("all of them new", intake, root, FIRST)
        with open_warehouse(root / "data/warehouse.duckdb") as warehouse:
            warehouse.execute(CHANGE)
        measured("one in a hundred has changed", intake, root, FIRST + timedelta(hours=1))
        measured("nothing has changed", intake, root, FIRST + timedelta(hours=2))


if __name__ == "__main__":
    main()
