"""How many ticks a minute `drips replay` makes, and how that grows with the number of leads.

Each size runs in a process of its own, as a user would run it. Two lengths of replay tell the cost of a tick from the
cost of starting (imports, dbt's parse, loading).

Run it with `uv run python benchmarks/replay.py`, or name sizes: `… replay.py 200 10000 100000`.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from dagster_drips.demo.folder import activate_drafts
from dagster_drips.pipeline.dbt_package import copied_without

REPOSITORY = Path(__file__).parent.parent
START = datetime(2026, 3, 1)
DAYS = 30
SHORT, LONG = 5, 65
EVENTS_PER_LEAD = 20
NAMES = ("login", "page_viewed", "cart", "payment_done", "feature_used", "signup", "trial_started")


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [200, 1_000, 10_000, 100_000]
    print(f"{'leads':>8} {'events':>9} {'start s':>8} {'tick s':>7} {'ticks/min':>10} {'peak MiB':>9}")
    for leads in sizes:
        with tempfile.TemporaryDirectory(prefix="drips-bench-") as folder:
            project = make_project(Path(folder), leads)
            short, _ = replay(project, SHORT)
            long, memory = replay(project, LONG)
            tick = (long - short) / (LONG - SHORT)
            start = short - SHORT * tick
            print(
                f"{leads:>8} {leads * EVENTS_PER_LEAD:>9} {start:>8.1f} {tick:>7.2f} {60 / tick:>10.0f} {memory:>9.0f}",
                flush=True,
            )


def make_project(folder: Path, leads: int) -> Path:
    """The repository's sequences and models over made-up leads and events."""
    for name in ("sequences", "dbt_project"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=copied_without("target", "logs"))
    activate_drafts(folder / "sequences")
    landing = folder / "data" / "landing"
    for kind in ("leads", "events"):
        (landing / kind).mkdir(parents=True)
    chance = random.Random(leads)
    zones = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
    with (landing / "leads" / "leads.jsonl").open("w") as file:
        for number in range(leads):
            created = START - timedelta(days=60) + timedelta(seconds=chance.randrange(90 * 86_400))
            row = {
                "lead_id": f"L{number}",
                "email": f"p{number}@bench.example",
                "created_at": created.isoformat(),
                "timezone": chance.choice(zones),
                "tags": chance.choice(["enterprise", "small_business", ""]),
            }
            file.write(json.dumps(row) + "\n")
    with (landing / "events" / "events.jsonl").open("w") as file:
        for number in range(leads * EVENTS_PER_LEAD):
            row = {
                "event_id": f"e{number}",
                "lead_id": f"L{chance.randrange(leads)}",
                "event": chance.choice(NAMES),
                "occurred_at": (START + timedelta(seconds=chance.randrange(DAYS * 86_400))).isoformat(),
                "properties": {"product": "Acme Team", "items": 1, "total": 9.0},
            }
            file.write(json.dumps(row) + "\n")
    return folder


def replay(project: Path, ticks: int) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of one `drips replay` of that many hourly ticks, in the middle of the history."""
    start = START + timedelta(days=10)
    command = [
        *(sys.executable, "-m", "dagster_drips", "replay", "--project", str(project), "--every", "1h"),
        *("--from", start.isoformat(), "--to", (start + timedelta(hours=ticks - 1)).isoformat()),
    ]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"the replay failed: {' '.join(command)}")
    return time.monotonic() - began, peak


def _resident(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS")), "VmRSS: 0 kB")
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
