"""A project that lives through bad input: real files, real mail servers, a clock that only goes forward."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from conftest import copy_project

from dagster_drips.cli.status import read_status
from dagster_drips.delivery.dispatch import DispatchReport
from dagster_drips.pipeline.tick import Decided, Phase, Pipeline
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

START = datetime(2026, 3, 2, 8)
SEGMENT = "select lead_id from {{ ref('stg_leads') }} where company = 'Acme'\n"
MAIL = "<html><body><p>Hello {{ lead.first_name | default('there') }}</p></body></html>"
# One step at once and one that no test waits for, so that enrollments stay open.
SEQUENCE = """
name: {name}
status: active
active_from: 2026-01-01T00:00:00Z
sender: {{name: Ada, email: ada@acme.example}}
trigger: {{event: {name}}}
segments: {{include: [{segments}]}}
reentry: never
steps:
  - {{id: hello, delay: {{hours: 0}}, subject: Hello, template: mail.html}}
  - {{id: later, delay: {{days: 300}}, subject: Later, template: mail.html}}
"""

MESSAGES = """
select m.step_id, m.status, m.attempts, m.smtp_code, m.detail, m.bounced_at
from marts.messages as m
where m.lead_id = ?
order by m.sequence_id, m.step_id
"""
ENROLLMENTS = """
select sequence_id, status, exit_reason, steps_sent, next_step_id
from marts.enrollments
where lead_id = ?
order by sequence_id
"""
DECISIONS = "select sequence_id, decision from marts.enrollment_decisions where lead_id = ? order by all"


class Shop:
    """A project with the sequences `welcome`, `course` and so on, each entered by the event of its own name."""

    def __init__(self, project: Project):
        self.project = project
        self.now = START
        self._pipeline = Pipeline.of(project)
        self._files = 0
        self._measured = False
        for kind in LANDING_KINDS:
            (project.landing / kind).mkdir(parents=True)

    def add_sequence(self, name: str, *, segments: str = "", template: str = MAIL) -> Path:
        """Write a sequence that the event of its name enters; returns its file."""
        return write_sequence(self.project.sequences, name, segments=segments, template=template)

    def land(self, kind: str, content: str | bytes | list[dict[str, Any]], ending: str = ".jsonl") -> str:
        """Put a new file into a landing folder; returns its name."""
        self._files += 1
        name = f"{self._files:04}{ending}"
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        (self.project.landing / kind / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def sign_up(self, *names: str, to: str = "welcome", **columns: Any) -> None:
        """New leads who enter a sequence at the next tick."""
        self.land("leads", [lead(name, **columns) for name in names])
        self.enter(*names, to=to)

    def enter(self, *names: str, to: str = "welcome", **columns: Any) -> str:
        """The event that enters a sequence, for leads who may be known or not; returns its file."""
        moment = self.now.isoformat()
        return self.land(
            "events",
            [
                {"event_id": f"{to}:{name}", "lead_id": name, "event": to, "occurred_at": moment, **columns}
                for name in names
            ],
        )

    def tick(self, url: str, hours: float = 1, around: Phase = nullcontext) -> tuple[Decided, DispatchReport]:
        """A tick, `hours` after the one before, its mail to the server at `url`; marts are built when asked for.

        `around` is entered and left around each phase.
        """
        self.now += timedelta(hours=hours)
        settings = Settings(smtp_url=url, smtp_connections=1)
        pipeline = self._pipeline
        with open_warehouse(self.project.warehouse) as warehouse:
            report = pipeline.tick(warehouse, self.now, settings=settings, measure=False, around=around)
        self._measured = False
        return report.decided, report.sent

    def measure(self) -> None:
        """Build the marts, unless no tick has passed since: only what is asked for is measured."""
        if not self._measured:
            assert not [node for node in self._pipeline.measure() if node.failed]
            self._measured = True

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the warehouse after the last tick, marts built."""
        self.measure()
        with open_warehouse(self.project.warehouse, read_only=True) as warehouse:
            return warehouse.rows(sql, parameters)

    def messages(self, name: str) -> list[dict[str, Any]]:
        return self.rows(MESSAGES, name)

    def statuses(self, *names: str) -> dict[str, list[str]]:
        """What became of each lead's messages."""
        return {name: [row["status"] for row in self.messages(name)] for name in names}

    def enrollments(self, name: str) -> list[dict[str, Any]]:
        return self.rows(ENROLLMENTS, name)

    def decisions(self, name: str) -> list[tuple[str, str]]:
        return [(row["sequence_id"], row["decision"]) for row in self.rows(DECISIONS, name)]

    def rejected(self, name: str) -> dict[int, str]:
        """A landed file's rejected rows: reason by line."""
        return {
            row["line"]: row["reason"]
            for row in self.rows("select line, reason from raw.rejected_rows where file = ? order by line", name)
        }

    def problems(self) -> str:
        """What `drips status` warns of."""
        self.measure()
        return "\n".join(read_status(self.project).problems)


def lead(name: str, **columns: Any) -> dict[str, Any]:
    return {"lead_id": name, "email": f"{name}@x.example", "created_at": "2026-01-01T00:00:00Z", **columns}


def new_shop(folder: Path) -> Shop:
    """A shop with one sequence, `welcome`, and no segment."""
    (folder / "segments").mkdir()
    write_sequence(folder / "sequences", "welcome")
    return Shop(copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments"))


def write_sequence(sequences: Path, name: str, *, segments: str = "", template: str = MAIL) -> Path:
    folder = sequences / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mail.html").write_text(template)
    file = folder / "sequence.yml"
    file.write_text(SEQUENCE.format(name=name, segments=segments))
    return file


def counted(recipients: list[str], *names: str) -> list[int]:
    """How many messages each lead got."""
    counts = Counter(recipients)
    return [counts[f"{name}@x.example"] for name in names]
