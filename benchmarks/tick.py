"""What a tick costs as a project grows: CPU, time and memory, of ticks with nothing, five minutes' and a day's news.

    python benchmarks/tick.py 10000 100000
    python benchmarks/tick.py --checkout ../another-checkout 10000 100000

Twenty sequences of six steps, ten segments, twenty events a lead over sixty days. A first tick decides over the whole
past, daily ones follow until messages are out; then the ticks that are measured, in one warm process, as in a replay:
what is due is taken to be sent, no mart is built. Another checkout is measured with its own models and code.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from dagster_drips.pipeline.dbt_package import copied_without
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.statements import named_statements

REPOSITORY = Path(__file__).parent.parent
START = datetime(2026, 3, 1)
EVENTS_PER_LEAD = 20
SEQUENCES, STEPS, SEGMENTS = 20, 6, 10
DAILY_TICKS = 4
FIVE_MINUTES = timedelta(minutes=5)
STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
COUNTRIES = ("de", "fr", "us", "in", "au", "jp", "gb", "it", "es", "br")


def make_project(checkout: Path, folder: Path, leads: int) -> None:
    """Sequences, segments and the history, as files."""
    shutil.copytree(
        checkout / "dbt_project", folder / "dbt_project", ignore=copied_without("target", "logs", "segments")
    )
    segments = folder / "dbt_project" / "models" / "segments"
    segments.mkdir(parents=True)
    for number in range(SEGMENTS):
        (segments / f"segment_{number}.sql").write_text(segment(number))
    for number in range(SEQUENCES):
        place = folder / "sequences" / f"sequence_{number}"
        place.mkdir(parents=True)
        (place / "sequence.yml").write_text(sequence(number))
        (place / "mail.html").write_text("<p>Hello {{ lead.first_name | default('you') }}</p>\n")
    (folder / "sequences" / "project.yml").write_text("timezone: UTC\nsender: {email: hello@bench.example}\n")
    landing = folder / "data" / "landing"
    for kind in ("leads", "events"):
        (landing / kind).mkdir(parents=True)
    write("leads", folder, leads=leads)
    write("history", folder, leads=leads)


def segment(number: int) -> str:
    """Half of them ask leads, the others what leads did of late."""
    if number % 2 == 0:
        return f"select lead_id\nfrom {{{{ ref('stg_leads') }}}}\nwhere country = '{COUNTRIES[number]}'\n"
    return (
        f"select distinct lead_id\nfrom {{{{ ref('stg_events') }}}}\n"
        f"where event = 'event_{number}' and occurred_at > {{{{ as_of() }}}} - interval '14 days'\n"
    )


def sequence(number: int) -> str:
    """Half are triggered by events, a quarter each by a new lead and by a segment."""
    trigger = (
        [f"event: event_{number}", "where: {plan: p1}"],
        ["event: lead_created"],
        [f"event: event_{20 + number}"],
        [f"segment_entered: segment_{number % 10}", "include_existing: true"],
    )[number % 4]
    leaves = number % 5 == 3
    lines = [
        f"name: Sequence {number}",
        "status: active",
        'active_from: "2026-01-01T00:00:00Z"',
        "trigger:",
        *(f"  {line}" for line in trigger),
        "reentry: {days: 7}" if number % 2 else "reentry: never",
        f"goal: {{event: event_{39 - number % 10}, within: {{days: 14}}}}",
        f"exit_on: {{events: [event_{25 + number % 5}]{', leaves_segments: true' if leaves else ''}}}",
        *([f"segments: {{exclude: [segment_{(number + 2) % 10}]}}"] if leaves else []),
        'send_window: {start: "08:00", end: "20:00", timezone: lead}' if number % 2 else "priority: 60",
        "steps:",
    ]
    for step in range(STEPS):
        lines += [f"  - id: step_{step}", f'    subject: "Mail {step}"', "    template: mail.html"]
        lines += [f"    delay: {{days: {step}}}"] if step else []
        lines += [f"    unless: {{event: event_{step}}}"] if step in (2, 4) else []
    return "\n".join(lines) + "\n"


def write(name: str, folder: Path, **given: object) -> None:
    statement = STATEMENTS[name].replace("{folder}", str(folder / "data" / "landing"))
    statement = statement.replace("{number}", str(given.get("number", "")))
    used = {key: value for key, value in ({"start": START} | given).items() if f"${key}" in statement}
    with duckdb.connect() as connection:
        connection.execute(statement, used)


@contextmanager
def counted(name: str, told: dict[str, object]) -> Iterator[None]:
    cpu, began = time.process_time(), time.perf_counter()
    yield
    told[name] = {"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - began}


def measure(folder: Path, leads: int, *, profile: bool) -> dict[str, object]:
    """The ticks of one project, in this process."""
    project = Project.at(folder)
    pipeline = Pipeline(project, Transform(project), None)
    told: dict[str, object] = {}

    def tick(instant: datetime) -> None:
        with open_warehouse(project.warehouse) as warehouse:
            report = pipeline.tick(warehouse, instant, settings=None, measure=False)
        if profile:
            nodes = sorted(report.decided.nodes, key=lambda node: -node.seconds)[:12]
            print(instant, {node.name: round(node.seconds, 2) for node in nodes}, file=sys.stderr)
            print(
                {key: getattr(report.decided, key) for key in ("judged", "enrolled", "exited", "skipped", "due")},
                file=sys.stderr,
            )

    def news(number: int, since: datetime, span: timedelta) -> None:
        rows = int(leads * EVENTS_PER_LEAD / 60 / 86400 * span.total_seconds())
        write("news", folder, leads=leads, number=number, since=since, seconds=int(span.total_seconds()), rows=rows)

    with open_warehouse(project.warehouse) as warehouse, counted("loading", told):
        pipeline.begin(warehouse, START)
        pipeline.load_sequences(warehouse)
        pipeline.load_landing(warehouse, ("leads", "events"))
    with counted("first", told):
        tick(START)
    now = START
    for _ in range(DAILY_TICKS):
        now += timedelta(days=1)
        tick(now)
    now += timedelta(hours=9)
    tick(now)
    for number in range(3):
        with counted(f"idle {number}", told):
            tick(now := now + FIVE_MINUTES)
    for number in range(3):
        news(number, now, FIVE_MINUTES)
        with counted(f"five minutes {number}", told):
            tick(now := now + FIVE_MINUTES)
    news(9, now, timedelta(days=1))
    with counted("day", told):
        tick(now + timedelta(days=1))
    with open_warehouse(project.warehouse) as warehouse:
        told["counts"] = warehouse.rows(STATEMENTS["history_counts"])[0]
    told["peak GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return told


def measured(checkout: Path, leads: int, *, profile: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="drips-bench-") as place:
        make_project(checkout, Path(place), leads)
        command = [sys.executable, __file__, "--folder", place, str(leads), *(["--profile"] if profile else [])]
        environment = os.environ | {"PYTHONPATH": str(checkout), "TMPDIR": place}
        process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        return json.loads(process.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("leads", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--checkout", type=Path, default=REPOSITORY, help="of this repository, to be measured")
    parser.add_argument("--profile", action="store_true", help="tell which models of a tick take longest")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder:
        print(json.dumps(measure(arguments.folder, arguments.leads[0], profile=arguments.profile)))
        return
    for leads in arguments.leads:
        told = measured(arguments.checkout.resolve(), leads, profile=arguments.profile)
        print(f"{leads:>9,} leads {told['counts']} peak {told['peak GiB']:.2f} GiB", flush=True)
        for name, one in told.items():
            if isinstance(one, dict) and "cpu" in one:
                print(f"    {name:16} {one['cpu']:8.2f} s CPU {one['seconds']:8.2f} s", flush=True)


if __name__ == "__main__":
    main()
