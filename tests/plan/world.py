"""A small company whose sequences compete for limits, a few days into its life; and each side of a plan on it, cheaply.

Every side is lived by the same `run_side` as in `drips plan`, but in this process, so that dbt reads its project once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from conftest import copy_project

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.replay import Span
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.plan.comparing import compared
from dagster_drips.plan.side import Side, SideReport, run_side
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse, open_warehouse

START = datetime(2026, 3, 2)
"""A Monday."""
EVERY = timedelta(hours=8)
LIFE = [START + number * EVERY for number in range(3)]
SPAN = Span(LIFE[-1] + EVERY, LIFE[-1] + 6 * EVERY, EVERY)
MAIL = "<html><body><p>Hello</p></body></html>"
PROJECT = """
timezone: Europe/Berlin
sender: {name: Ada, email: ada@acme.example}
frequency_cap: {messages: 3, per: {days: 1}}
max_per_tick: 16
"""
SEQUENCES = {
    "welcome": """
status: active
priority: 60
trigger: {event: signup}
goal: {event: bought}
steps:
  - {id: hello, subject: Hello, template: mail.html}
  - {id: tips, delay: {hours: 8}, subject: Tips, template: mail.html}
  - {id: more, delay: {hours: 16}, unless: {event: used}, subject: More, template: mail.html}
""",
    "cart": """
status: active
trigger: {event: cart, where: {kind: big}}
segments: {exclude: [customers]}
send_window: {start: "06:00", end: "20:00"}
steps:
  - id: reminder
    delay: {hours: 1}
    variants:
      - {id: a, subject: A, template: mail.html}
      - {id: b, subject: B, template: mail.html}
  - {id: help, delay: {hours: 12}, expires_after: {days: 3}, subject: Help, template: mail.html}
""",
    "vips": """
status: active
trigger: {segment_entered: vip}
reentry: after_exit
steps:
  - {id: thanks, subject: Thanks, template: mail.html}
  - {id: offer, delay: {days: 1}, subject: Offer, template: mail.html}
""",
    "news": """
status: draft
trigger: {event: signup, lookback: {days: 5}}
steps: [{id: first, delay: {hours: 2}, subject: News, template: mail.html}]
""",
}
SEGMENTS = {
    "customers": "select distinct lead_id from {{ ref('stg_events') }} where event = 'bought'\n",
    "vip": "select lead_id from {{ ref('stg_events') }} where event = 'used' group by lead_id having count(*) >= 2\n",
    "germans": "select lead_id from {{ ref('stg_leads') }} where country = 'DE'\n",
}
LEADS = 40


class World:
    """The project, its warehouse after its life so far, and what is needed to live on from there."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("sequences", "segments"):
            (folder / name).mkdir()
        self.project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
        self.transform = Transform(self.project)
        self._sides = 0
        (self.project.sequences / "project.yml").write_text(PROJECT)
        for name, text in SEQUENCES.items():
            self.write(name, text)
        for name, sql in SEGMENTS.items():
            (self.project.segments / f"{name}.sql").write_text(sql)
        land(self.project)

    def write(self, name: str, text: str) -> None:
        folder = self.project.sequences / name
        folder.mkdir(exist_ok=True)
        (folder / "mail.html").write_text(MAIL)
        (folder / "sequence.yml").write_text(text)

    def live(self, instants: list[datetime] = LIFE) -> None:
        journal = TickJournal(self.project.journal / "ticks")
        self.transform.warehouse = self.project.warehouse
        pipeline = Pipeline(self.project, self.transform, journal)
        with open_warehouse(self.project.warehouse) as warehouse:
            for instant in instants:
                pipeline.tick(warehouse, instant, settings=None, measure=False)

    def side(self, *, reads_sequences: bool = True) -> tuple[Path, SideReport]:
        """Live the plan's days by the files as they are now; the warehouse of that."""
        self._sides += 1
        file = self.folder / f"side{self._sides}" / "warehouse.duckdb"
        file.parent.mkdir()
        shutil.copyfile(self.project.warehouse, file)
        self.transform.warehouse = file
        pipeline = Pipeline(self.project, self.transform, journal=None)
        side = Side(self.project.root, file, SPAN, self.transform.target, reads_sequences)
        return file, run_side(side, pipeline=pipeline)

    def files(self) -> dict[Path, bytes]:
        places = (self.project.sequences, self.project.segments)
        return {path: path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}

    @contextmanager
    def edited(self) -> Iterator[None]:
        """What is done to the files inside it is undone."""
        kept = self.files()
        try:
            yield
        finally:
            if any(self.files().get(path) != text for path, text in kept.items() if path.suffix == ".sql"):
                self.transform.forget()
            shutil.rmtree(self.project.sequences)
            for path, content in kept.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    @contextmanager
    def comparison(self, base: Path, working: Path) -> Iterator[Warehouse]:
        scratch = self.folder / f"comparison{self._sides}"
        scratch.mkdir(exist_ok=True)
        (scratch / "differing.duckdb").unlink(missing_ok=True)
        with compared(base, working, SPAN, scratch) as comparison:
            yield comparison


def land(project: Project) -> None:
    """People who sign up, use, fill carts and buy, at odd hours, before and in the plan's days."""
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    leads = [
        {
            "lead_id": f"L{n:02}",
            "email": f"l{n:02}@x.example",
            "created_at": (START - timedelta(days=9)).isoformat(),
            "country": "DE" if n % 3 else "FR",
            "timezone": ("Europe/Berlin", "America/New_York", "Asia/Tokyo")[n % 3],
        }
        for n in range(LEADS)
    ]
    events = []
    for n in range(LEADS):
        lead = f"L{n:02}"
        signup = START + timedelta(minutes=97 * n)
        events.append(_event(lead, "signup", signup, plan="pro" if n % 2 else "free"))
        if n % 2 == 0:
            events.append(_event(lead, "used", signup + timedelta(hours=5)))
            events.append(_event(lead, "used", signup + timedelta(hours=9)))
        if n % 4 < 2:
            events.append(_event(lead, "cart", signup + timedelta(hours=3), kind="big" if n % 3 else "small"))
        if n % 7 == 0:
            events.append(_event(lead, "bought", signup + timedelta(hours=20)))
        if n % 11 == 3:
            events.append(_event(lead, "signup", signup + timedelta(hours=30), plan="pro"))
    for kind, rows in (("leads", leads), ("events", events)):
        (project.landing / kind / "0001.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _event(lead: str, name: str, at: datetime, **properties: Any) -> dict[str, Any]:
    return {
        "event_id": f"{lead}-{name}-{at:%d%H%M}",
        "lead_id": lead,
        "event": name,
        "occurred_at": at.isoformat(),
        "properties": properties,
    }


def sends_of(file: Path) -> list[dict[str, Any]]:
    """All that a side sends in the plan's days, read without any of the plan's own SQL."""
    with open_warehouse(file, read_only=True) as warehouse:
        return warehouse.rows(
            "select message_id, as_of, variant_id, sequence_id, step_id, lead_id from raw.delivery_log"
            " where outcome = 'sent' and as_of >= ?",
            [SPAN.start],
        )
