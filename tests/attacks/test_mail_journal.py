"""A delivery journal that somebody cut, deleted or replaced while a run was dead: nothing that it knew is sent again.

Whole ticks and rebuilds are in `test_lost_journals`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from dbt_models import view_of

from dagster_drips.delivery.delivery_journal import Claim, DeliveryJournal, Result, Sending, boot_id, deliveries
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.delivery.lengths import lengths
from dagster_drips.delivery.losses import LOST
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import Warehouse, open_warehouse

from .hostile_smtp import HostileServer

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 3, 2, 9, 0)
IDS = [f"{number:032x}" for number in range(1, 6)]
DUE = Path(__file__).parents[1] / "delivery" / "due_tables.sql"
HTML = "<html><body><p>Hi</p></body></html>"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    return Project.at(tmp_path)


@pytest.fixture
def warehouse(project: Project) -> Iterator[Warehouse]:
    """Five messages are due."""
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(DUE.read_text())
        warehouse.execute(view_of("sendable_steps"))
        step = {"id": "hello", "subject": "Hello", "template": "hello.html"}
        warehouse.execute(
            "insert into journal.sequence_versions values ('welcome', 'v1', ?, 'active', 'valid', ?, ?, null, 1)",
            [AS_OF, json.dumps({"name": "Welcome", "steps": [step]}), json.dumps({"hello.html": HTML})],
        )
        for number, name in enumerate(IDS, start=1):
            row = vars_of(name, number)
            marks = ", ".join("?" * len(row))
            warehouse.execute(f"insert into decide.due_steps values ({marks})", list(row.values()))
            warehouse.execute(
                "insert into staging.stg_leads values (?, ?, null, null, null, ?)",
                [row["lead_id"], row["recipient"], AS_OF],
            )
        yield warehouse


def vars_of(name: str, number: int) -> dict:
    return {
        "message_id": name,
        "enrollment_id": f"e{number}",
        "sequence_id": "welcome",
        "version_id": "v1",
        "step_id": "hello",
        "variant_id": None,
        "lead_id": f"lead{number}",
        "sender_email": "ada@acme.example",
        "sender_name": "Ada",
        "sender_reply_to": None,
        "recipient": f"lead{number}@example.org",
        "address": f"lead{number}@example.org",
        "scheduled_at": AS_OF,
        "as_of": AS_OF,
        "attempt": 1,
        "transactional": False,
        "triggered_at": AS_OF,
        "occurrence_id": f"lead_created:lead{number}",
        "trigger_kind": "lead_created",
        "send_rank": number,
    }


def claim_of(name: str, number: int) -> Claim:
    row = vars_of(name, number)
    known = {field: row[field] for field in Claim.__struct_fields__ if field != "sender"}
    return Claim(sender="ada@acme.example", **known)


def killed_run(project: Project) -> Path:
    """A run that claimed all five, sent the first, was in the body of the second, and died without a word."""
    process = os.fork()
    if not process:
        journal = DeliveryJournal(project, now=lambda: AS_OF)
        journal.claim([claim_of(name, number) for number, name in enumerate(IDS, start=1)])
        journal.write([Sending(IDS[0], 1)])
        journal.write([Result(IDS[0], 1, "sent", AS_OF, 250), Sending(IDS[1], 1)])
        os._exit(0)
    os.waitpid(process, 0)
    [path] = deliveries(project).glob("[!.]*.jsonl")
    return path


def send(project: Project, warehouse: Warehouse) -> tuple[DispatchReport, list[str]]:
    """One more run, to a server that takes everything; what it took."""
    with HostileServer("none", None) as server:
        report = dispatch(project, warehouse, Settings(smtp_url=server.url), as_of=AS_OF, now=lambda: AS_OF)
        return report, sorted(server.perhaps_accepted)


def outcomes(warehouse: Warehouse) -> dict[str, str]:
    rows = warehouse.rows("select message_id, outcome from raw.delivery_log order by message_id")
    return {row["message_id"]: row["outcome"] for row in rows}


def test_what_a_killed_run_had_not_begun_goes(project: Project, warehouse: Warehouse) -> None:
    killed_run(project)
    _, taken = send(project, warehouse)
    assert taken == IDS[2:]
    assert outcomes(warehouse) == dict(zip(IDS, ["sent", "in_doubt", "sent", "sent", "sent"], strict=True))


@pytest.mark.parametrize("kept", range(9))
@pytest.mark.parametrize("torn", [False, True], ids=["at a line's end", "in a line"])
def test_of_a_killed_run_whose_file_was_cut_nothing_goes(
    project: Project, warehouse: Warehouse, kept: int, torn: bool
) -> None:
    path = killed_run(project)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 9
    if kept == 8 and torn:
        return  # more than the file has
    path.write_bytes(b"".join(lines[:kept]) + (lines[kept][:20] if torn else b""))
    _, taken = send(project, warehouse)
    assert taken == []
    knows_the_first = kept >= 8
    assert outcomes(warehouse) == dict.fromkeys(IDS, "in_doubt") | ({IDS[0]: "sent"} if knows_the_first else {})
    # And it stays so.
    assert send(project, warehouse)[1] == []


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_of_a_killed_run_whose_file_is_gone_nothing_goes(project: Project, warehouse: Warehouse, what: str) -> None:
    path = killed_run(project)
    path.unlink()
    if what == "the folder":
        path.parent.rmdir()
    _, taken = send(project, warehouse)
    assert taken == []
    assert outcomes(warehouse) == dict.fromkeys(IDS, "in_doubt")
    assert {row["detail"] for row in warehouse.rows("select detail from raw.delivery_log")} == {LOST}


def test_a_power_cut_that_takes_what_was_not_synced_is_no_loss_of_more(project: Project, warehouse: Warehouse) -> None:
    path = killed_run(project)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]))  # who writes, and the claims, which are synced
    for file in (path, *lengths(project).iterdir()):
        file.write_bytes(file.read_bytes().replace(boot_id().encode(), b"0" * len(boot_id())))
    _, taken = send(project, warehouse)
    assert taken == []
    assert outcomes(warehouse) == dict.fromkeys(IDS, "in_doubt")
    assert not {row["detail"] for row in warehouse.rows("select detail from raw.delivery_log")} & {LOST}


def test_a_length_that_is_gone_changes_nothing(project: Project, warehouse: Warehouse) -> None:
    killed_run(project)
    for length in lengths(project).iterdir():
        length.unlink()
    _, taken = send(project, warehouse)
    assert taken == IDS[2:]


@pytest.mark.parametrize("content", [b"", b"\0" * 80, b"words\n", b"\xff" * 200])
def test_a_length_that_nobody_can_read_changes_nothing(project: Project, warehouse: Warehouse, content: bytes) -> None:
    killed_run(project)
    for length in lengths(project).iterdir():
        length.write_bytes(content)
    _, taken = send(project, warehouse)
    assert taken == IDS[2:]
