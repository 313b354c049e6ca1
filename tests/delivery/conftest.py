import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from dbt_models import view_of

from dagster_drips.delivery.due_message import DueMessage
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import Warehouse, open_warehouse

AS_OF = datetime(2026, 3, 2, 9, 0)
WALL = datetime(2026, 3, 2, 9, 0, 7)
HTML = (
    "<html><body><p>Hi {{ lead.first_name | default('there') }},"
    " see <a href='https://acme.example/a'>the guide</a>.</p></body></html>"
)


def due_message(message_id: str, **columns: Any) -> DueMessage:
    """A due message of which only what is given matters."""
    row: dict[str, Any] = {
        "message_id": message_id, "enrollment_id": "e1", "sequence_id": "welcome", "version_id": "v1",
        "step_id": "hello", "variant_id": None, "lead_id": "lead1", "sender_name": None,
        "sender_email": "a@acme.example", "sender_reply_to": None, "recipient": f"{message_id}@example.org",
        "address": f"{message_id}@example.org", "scheduled_at": AS_OF, "as_of": AS_OF, "attempt": 1,
        "transactional": False, "triggered_at": AS_OF, "occurrence_id": "o1", "trigger_kind": "lead_created",
        "send_rank": 1, "event": None, "lead": {},
    }  # fmt: skip
    return DueMessage(**row | columns)


class World:
    """A project with its warehouse open, and the tables that dbt would have made."""

    def __init__(self, project: Project, warehouse: Warehouse):
        self.project = project
        self.warehouse = warehouse
        warehouse.execute(Path(__file__).with_name("due_tables.sql").read_text())
        warehouse.execute(view_of("sendable_steps"))

    def add_version(
        self,
        files: dict[str, str] | None = None,
        *,
        version_id: str = "v1",
        attached: str | None = None,
        sequence: dict | None = None,
        **step,
    ) -> None:
        definition = {
            "name": "Welcome series",
            **(sequence or {}),
            "steps": [{"id": "hello", "subject": "Hello {{ lead.first_name }}", "template": "hello.html", **step}],
        }
        self.warehouse.execute(
            "insert into journal.sequence_versions values ('welcome', ?, ?, 'active', 'valid', ?, ?, ?, 1)",
            [version_id, AS_OF, json.dumps(definition), json.dumps(files or {"hello.html": HTML}), attached],
        )

    def add_lead(self, number: int, *, attempt: int = 1, name: str | None = "Ada", **columns) -> str:
        lead_id = f"lead{number}"
        message_id = f"{number:032x}"
        row = {
            "message_id": message_id,
            "enrollment_id": f"e{number}",
            "sequence_id": "welcome",
            "version_id": "v1",
            "step_id": "hello",
            "variant_id": None,
            "lead_id": lead_id,
            "sender_email": "ada@acme.example",
            "sender_name": "Ada Lovelace",
            "sender_reply_to": "help@acme.example",
            "recipient": f"{lead_id}@example.org",
            "address": f"{lead_id}@example.org",
            "scheduled_at": AS_OF,
            "as_of": AS_OF,
            "attempt": attempt,
            "transactional": False,
            "triggered_at": AS_OF,
            "occurrence_id": f"lead_created:{lead_id}",
            "trigger_kind": "lead_created",
            "send_rank": number,
            **columns,
        }
        self.warehouse.execute(f"insert into decide.due_steps values ({', '.join('?' * len(row))})", list(row.values()))
        self.warehouse.execute(
            "insert into staging.stg_leads values (?, ?, ?, null, null, ?)", [lead_id, row["recipient"], name, AS_OF]
        )
        return message_id

    def add_leads(self, count: int) -> None:
        """Many due rows at once, numbered from 1."""
        first = self.add_lead(1)
        self.warehouse.execute(
            "insert into decide.due_steps by name select * exclude (n) replace (printf('%032x', n) as message_id,"
            " 'e' || n as enrollment_id, 'lead' || n as lead_id, 'lead' || n || '@example.org' as recipient,"
            " 'lead' || n || '@example.org' as address, n as send_rank)"
            " from decide.due_steps, range(2, ? + 1) as more(n) where message_id = ?",
            [count, first],
        )
        self.warehouse.execute(
            "insert into staging.stg_leads by name select lead_id, 'Ada' as first_name from decide.due_steps"
            " where lead_id <> 'lead1'"
        )

    def log(self) -> list[dict]:
        return self.warehouse.rows("select * from raw.delivery_log order by message_id, attempt")

    def outcomes(self) -> dict[str, str]:
        return {row["message_id"]: row["outcome"] for row in self.log()}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    return Project.at(tmp_path)


@pytest.fixture
def world(project: Project):
    with open_warehouse(project.warehouse) as warehouse:
        yield World(project, warehouse)


@pytest.fixture
def settings_for():
    """Settings for a server's address, whatever the environment of the test run says."""

    def make(url: str, connections: int = 2) -> Settings:
        return Settings(smtp_url=url, smtp_connections=connections)

    return make
