"""From a landed event to the mail server's 250 under the real daemon, stage by stage, and what an idle daemon costs.

    python benchmarks/latency.py                          # 20 trials at 100,000 leads, under both
    python benchmarks/latency.py --under daemon --trials 5 --leads 10000 --idle-seconds 600
    python benchmarks/latency.py --python OTHER/bin/python --stock   # another installation, as Dagster comes

A trial lands a file with one event and waits until the mail server, an aiosmtpd in this process on 127.0.0.1, has
answered 250 to the mail that it triggers. The next one lands after the run has ended and a pause that chance draws, so
that no trial is in step with a sensor. The stages are told by Dagster's own records:

    asked      a sensor asked for the run
    started    the run executes: it waited in the queue, and its process began
    loaded     landed files are in the warehouse
    decided    decisions are committed, nothing has been sent yet
    sent       the mail server answered 250
    ended      marts are published, the run is over

The seconds hang on what else the machine does; the CPU is that of all processes below the daemon, user and system.
`--under daemon` is `dagster-daemon run` beside a code server, `--under dev` is `dagster dev` with its webserver.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from dagster_drips.smtp.sink import LoopbackController

LOADS = ("raw__leads", "raw__events", "raw__suppressions", "raw__engagement")
STAGES = ("asked", "started", "loaded", "decided", "sent", "ended")
PATIENCE = 600.0
"""Seconds; only a trial that hangs waits as long."""
SEQUENCE = """
name: Welcome
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: asked}
steps:
  - {id: hello, subject: Hello, template: mail.html}
  - {id: later, delay: {days: 3}, subject: Later, template: mail.html}
"""
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
RECORDS = """
import json, sys
import dagster as dg
with dg.DagsterInstance.get() as instance:
    for record in instance.get_run_records(limit=int(sys.argv[1])):
        run = record.dagster_run
        steps = {}
        for stats in instance.get_run_step_stats(run.run_id):
            steps[stats.step_key] = stats.end_time
        print(json.dumps({
            "run": run.run_id, "job": run.job_name, "status": run.status.value, "tags": dict(run.tags),
            "asked": record.create_timestamp.timestamp(), "started": record.start_time, "ended": record.end_time,
            "steps": steps,
        }))
"""


@dataclass
class Server:
    """Notes when each mail was answered."""

    answered: list[float] = field(default_factory=list)

    async def handle_DATA(self, *_: object) -> str:
        self.answered.append(time.time())
        return "250 2.0.0 taken"


@dataclass
class Place:
    """A project, its DAGSTER_HOME, and the Python that runs it."""

    root: Path
    home: Path
    python: str

    @property
    def environment(self) -> dict[str, str]:
        path = f"{Path(self.python).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"DAGSTER_HOME": str(self.home), "DRIPS_PROJECT": str(self.root), "PATH": path}

    def run(self, *command: str, **variables: str) -> str:
        environment = self.environment | variables
        done = subprocess.run(
            [self.python, *command], cwd=self.root.parent, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def runs(self, count: int) -> list[dict]:
        """The newest runs."""
        return [json.loads(line) for line in self.run("-c", RECORDS, str(count)).splitlines()]


def prepare(place: Place, url: str, leads: int, *, stock: bool, schedule: str) -> None:
    """A project with so many leads, one sequence, and nothing due; its first tick is done."""
    place.run("-m", "dagster_drips", "init", str(place.root))
    folder = place.root / "sequences" / "welcome"
    folder.mkdir()
    (folder / "sequence.yml").write_text(SEQUENCE)
    (folder / "mail.html").write_text("<html><body><p>Hello {{ lead.lead_id }}</p></body></html>")
    (place.root / "sequences" / "project.yml").write_text("timezone: UTC\n")  # the example's mails by day only
    (place.root / ".env").write_text(f"DRIPS_SMTP_URL={url}\nDRIPS_SCHEDULE={schedule}\n")
    number = pl.int_range(leads, eager=True).cast(pl.String)
    frame = pl.DataFrame({"lead_id": "l" + number, "email": "l" + number + "@x.example"})
    created = pl.lit("2026-01-01T00:00:00Z").alias("created_at")
    frame.with_columns(created).write_parquet(place.root / "data" / "landing" / "leads" / "leads.parquet")
    place.home.mkdir()
    yaml = "telemetry: {enabled: false}\n"
    shipped = place.root / "dagster.yaml"
    if not stock:
        yaml = shipped.read_text()
    (place.home / "dagster.yaml").write_text(yaml)
    place.runs(1)  # its databases: two processes that make them at once make them twice
    place.run("-m", "dagster_drips", "--project", str(place.root), "run", DAGSTER_HOME="")


@contextmanager
def daemon(place: Place, under: str) -> Iterator[list[int]]:
    """Dagster on the project, each process in a group of its own; their numbers."""
    binaries = Path(place.python).parent
    commands = [[str(binaries / "dagster"), "dev", "--host", "127.0.0.1", "--port", str(_free_port())]]
    if under == "daemon":
        port = _free_port()
        served = place.root / "workspace-server.yaml"
        served.write_text(f"load_from: [grpc_server: {{host: 127.0.0.1, port: {port}, location_name: drips}}]\n")
        module = ["--module-name", "dagster_drips.definitions", "--host", "127.0.0.1", "--port", str(port)]
        commands = [
            [str(binaries / "dagster"), "api", "grpc", *module],
            [str(binaries / "dagster-daemon"), "run", "--workspace", str(served)],
        ]
    processes: list[subprocess.Popen] = []
    with (place.home / "daemon.log").open("w") as log:
        try:
            for command in commands:
                processes.append(
                    subprocess.Popen(
                        command, cwd=place.root, env=place.environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
            yield [process.pid for process in processes]
        finally:
            for process in reversed(processes):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGINT)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def cpu_seconds(pids: list[int]) -> float:
    """Of all processes below these that are there, and of those that they have waited for."""
    parents: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(path.parent.name)
        parents.setdefault(int(fields[1]), []).append(number)
        used[number] = sum(int(one) for one in fields[11:15]) / TICKS_PER_SECOND
    total, waiting = 0.0, [*pids]
    while waiting:
        one = waiting.pop()
        total += used.get(one, 0.0)
        waiting += parents.get(one, [])
    return total


def wait_for(condition, what: str) -> float:
    until = time.time() + PATIENCE
    while not condition():
        if time.time() > until:
            raise SystemExit(f"{what}: waited {PATIENCE:g} s in vain")
        time.sleep(0.02)
    return time.time()


def land(place: Place, number: int) -> float:
    event = {"event_id": f"e{number}", "lead_id": f"l{number}", "event": "asked"}
    event["occurred_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    file = place.root / "data" / "landing" / "events" / f"e{number}.jsonl"
    part = file.with_suffix(".part")
    part.write_text(json.dumps(event) + "\n")
    part.rename(file)
    return time.time()


def stages_of(place: Place, landed: float, answered: float) -> dict[str, float]:
    """Seconds since the file landed, by stage; the tick may be one run or two."""
    while True:
        runs = place.runs(8)
        sending = [run for run in runs if (run["steps"].get("raw__delivery_log") or 0) >= answered - 0.5]
        deciding = [run for run in runs if 0 < (run["steps"].get("decisions_journal") or 0) <= answered]
        if sending and deciding and min(sending, key=_sent_at)["ended"]:
            break
        time.sleep(1)
    sent, decided = min(sending, key=_sent_at), max(deciding, key=lambda run: run["steps"]["decisions_journal"])
    at = {
        "asked": decided["asked"],
        "started": decided["started"],
        "loaded": max(
            end for key, end in decided["steps"].items() if key.startswith("raw__") and "delivery" not in key
        ),
        "decided": decided["steps"]["decisions_journal"],
        "sent": answered,
        "ended": sent["ended"],
    }
    return {stage: at[stage] - landed for stage in STAGES}


def _sent_at(run: dict) -> float:
    return run["steps"]["raw__delivery_log"]


def measure(place: Place, server: Server, under: str, arguments: argparse.Namespace) -> dict:
    chance = random.Random(7)
    trials: list[dict[str, float]] = []
    with daemon(place, under) as pids:
        begun = cpu_seconds(pids)
        time.sleep(arguments.settle_seconds)
        for number in range(arguments.first, arguments.first + arguments.trials):
            time.sleep(chance.uniform(0, 6))
            before = len(server.answered)
            cpu = cpu_seconds(pids)
            landed = land(place, number)
            answered = wait_for(lambda: len(server.answered) > before, f"trial {number}")  # noqa: B023
            trial = stages_of(place, landed, answered)
            trial["cpu"] = cpu_seconds(pids) - cpu
            trials.append(trial)
            told = "  ".join(f"{stage} {trial[stage]:.1f}" for stage in (*STAGES, "cpu"))
            print(f"{under} {number}: {told}", file=sys.stderr, flush=True)
        idle = None
        if arguments.idle_seconds:
            time.sleep(10)
            cpu, at = cpu_seconds(pids), time.time()
            time.sleep(arguments.idle_seconds)
            idle = (cpu_seconds(pids) - cpu) / (time.time() - at)
        total = cpu_seconds(pids) - begun
    arguments.first += arguments.trials
    return {"under": under, "trials": trials, "idle_share_of_a_core": idle, "cpu_seconds": total}


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    arguments = _arguments()
    # Or what was started in the background would ignore it, and so would the daemon.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server = Server()
    controller = LoopbackController(server)
    controller.start()
    results = []
    try:
        with tempfile.TemporaryDirectory(prefix="drips-latency-", dir=arguments.folder) as scratch:
            place = Place(Path(scratch) / "project", Path(scratch) / "home", arguments.python)
            prepare(place, controller.url, arguments.leads, stock=arguments.stock, schedule=arguments.schedule)
            before = size_of(place.home)
            for under in ("daemon", "dev") if arguments.under == "both" else (arguments.under,):
                results.append(measure(place, server, under, arguments))
            runs = len(place.runs(1000))
            grown = (size_of(place.home) - before) / max(1, runs)
    finally:
        controller.stop()
    if arguments.json:
        print(json.dumps({"results": results, "bytes_a_run": grown, "runs": runs}))
        return
    for result in results:
        _tell(result)
    print(f"DAGSTER_HOME grew by {grown / 1e6:.2f} MB a run, over {runs} runs")


def _tell(result: dict) -> None:
    print(f"under {result['under']}, seconds since the file landed")
    print(f"{'':8}{'p50':>8}{'p95':>8}{'worst':>8}")
    for stage in (*STAGES, "cpu"):
        values = sorted(trial[stage] for trial in result["trials"])
        if values:
            p95 = values[min(len(values) - 1, round(0.95 * (len(values) - 1)))]
            print(f"{stage:8}{statistics.median(values):8.1f}{p95:8.1f}{values[-1]:8.1f}")
    if result["idle_share_of_a_core"] is not None:
        print(f"idle: {result['idle_share_of_a_core']:.1%} of a core")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--under", choices=("daemon", "dev", "both"), default="both")
    parser.add_argument("--settle-seconds", type=float, default=30, help="before the first trial (default 30)")
    parser.add_argument("--idle-seconds", type=float, default=0, help="measure the idle daemon for so long afterwards")
    parser.add_argument("--schedule", default="*/5 * * * *", help="DRIPS_SCHEDULE (default: every five minutes)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter whose dagster-drips is measured")
    parser.add_argument("--stock", action="store_true", help="without the project's dagster.yaml")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.set_defaults(first=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
