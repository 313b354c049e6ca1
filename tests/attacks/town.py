"""A project into which calls with different keys are landed, and its ticks: real rows, real SQL, sending pretended.

Here belong the project and how rows get into it; what is attacked is for the tests to say.
"""

from __future__ import annotations

import hmac
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from dagster_drips.collector.events.callers import Callers
from dagster_drips.collector.events.identities import FieldNames, Recent
from dagster_drips.collector.events.segment_messages import Envelope, Intake
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse import Warehouse, open_warehouse
from tests.conftest import copy_dbt_project

START = datetime(2026, 3, 2, 8)
SERVER, PAGE, IDENTITY = "a-key-of-the-server", "a-key-of-the-page", "what-proves-users"
SETTINGS = Settings(write_keys=SERVER, page_keys=PAGE, identity_keys=IDENTITY, _env_file=None)
HOUR = timedelta(hours=1)

_SENDER = "sender: {name: Ada, email: ada@acme.example}\nstatus: active\nactive_from: 2026-01-01T00:00:00Z\n"
_STEP = "steps: [{id: a, subject: Hello, template: mail.html}]\n"
SEQUENCES = {
    "greets": _SENDER + "trigger: {event: lead_created, lookback: {days: 30}}\n" + _STEP,
    "cart": _SENDER + "trigger: {event: cart, lookback: {days: 30}}\n" + _STEP,
    "asks": _SENDER
    + "trigger: {event: lead_created, lookback: {days: 30}}\nconfirmation: true\ntransactional: true\n"
    + "steps: [{id: a, subject: Is it you?, template: ask.html}]\n",
}

Row = dict[str, Any]


def proof(user: str, key: str = IDENTITY) -> str:
    """What the site's own server gives a signed-in user's page."""
    return hmac.digest(key.encode(), user.encode(), "sha256").hex()


def rows_of(key: str, message: Mapping[str, Any], at: datetime, landed: Recent | None = None) -> dict[str, list[Row]]:
    """What the collector lands for a call; raises `BadMessage` where it doesn't take it."""
    found = Callers(SETTINGS).who(key.encode())
    assert found is not None
    intake = Intake(at, Envelope(), FieldNames(), landed if landed is not None else Recent(), found[0])
    intake.add(msgspec.json.encode(message))
    if landed is not None:
        landed.add(intake.keys)
    return msgspec.json.decode(msgspec.json.encode(intake.rows))


class Town:
    """One project folder for many histories: each starts from a warehouse without rows."""

    def __init__(self, root: Path):
        copy_dbt_project(root)
        shutil.rmtree(root / "dbt_project" / "models" / "segments")
        (root / "dbt_project" / "models" / "segments").mkdir()
        for name, text in SEQUENCES.items():
            (root / "sequences" / name).mkdir(parents=True)
            (root / "sequences" / name / "sequence.yml").write_text(text)
        for name in ("greets", "cart"):
            (root / "sequences" / name / "mail.html").write_text("<p>Hello {{ lead.first_name | default('you') }}</p>")
        (root / "sequences" / "asks" / "ask.html").write_text('<p><a href="{{ confirm_url }}">Yes</a></p>')
        self.project = Project.at(root)
        self._transform = Transform(self.project, warehouse=root / "town_0" / "warehouse.duckdb")
        self._pipeline = Pipeline(self.project, self._transform, journal=None)
        self._prepared = root / "prepared.duckdb"
        self._number = self._files = 0
        self._prepare()

    def begin(self, **settings: str) -> None:
        """A new history, with these settings of the project."""
        (self.project.sequences / "project.yml").write_text(json.dumps(settings))
        shutil.rmtree(self.project.landing, ignore_errors=True)
        # A folder of its own: dbt keeps the last file open until it is told of another.
        self._transform.warehouse.unlink()
        self._number += 1
        self._transform.warehouse = self.project.root / f"town_{self._number}" / "warehouse.duckdb"
        self._transform.warehouse.parent.mkdir()
        shutil.copyfile(self._prepared, self._transform.warehouse)
        self.now = START

    def land(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Rows by kind, as a file each."""
        for kind, of_kind in rows.items():
            self._files += 1
            folder = self.project.landing / kind
            folder.mkdir(parents=True, exist_ok=True)
            lines = "".join(json.dumps(row) + "\n" for row in of_kind)
            (folder / f"{self._files:06}.jsonl").write_text(lines)

    def call(self, key: str, landed: Recent | None = None, **message: Any) -> None:
        """Make a call and land what comes of it."""
        self.now += timedelta(seconds=1)
        self.land(rows_of(key, message, self.now, landed))

    def tick(self, hours: int = 1) -> list[Row]:
        """So much later: what was sent, in order of message."""
        self.now += hours * HOUR
        with open_warehouse(self._transform.warehouse) as warehouse:
            self._tick(warehouse)
            return warehouse.rows(
                "select log.*, decisions.occurrence_id from raw.delivery_log as log"
                " inner join journal.enrollment_decisions as decisions on log.enrollment_id = decisions.enrollment_id"
                " where outcome = 'sent' and log.as_of = (select as_of from raw.tick) order by message_id"
            )

    def rows(self, sql: str) -> list[Row]:
        """Of the warehouse after the last tick."""
        with open_warehouse(self._transform.warehouse, read_only=True) as warehouse:
            return warehouse.rows(sql)

    def _tick(self, warehouse: Warehouse) -> None:
        report = self._pipeline.tick(warehouse, self.now, settings=None, measure=False)
        # Without `page_leads: confirm` a confirmation asks nobody, which is a warning.
        assert not report.problems
        assert not warehouse.rows("select * from raw.rejected_rows")

    def _prepare(self) -> None:
        (self.project.sequences / "project.yml").write_text("{}")
        self.project.landing.mkdir(parents=True, exist_ok=True)
        self.now = START - HOUR
        with open_warehouse(self._transform.warehouse) as warehouse:
            self._tick(warehouse)
            for table in warehouse.rows(
                "select table_schema || '.' || table_name as name from information_schema.tables"
                " where table_schema in ('raw', 'journal') and table_name <> 'prepared_models'"
            ):
                warehouse.execute(f"delete from {table['name']}")
            warehouse.checkpoint()
        shutil.copyfile(self._transform.warehouse, self._prepared)
