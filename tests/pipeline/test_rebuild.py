"""With the warehouse gone, landed files and journal make every table again, row for row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_project

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.settings import load_settings
from dagster_drips.smtp.sink import MailSink
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 28, 8)
SEQUENCE = """
status: active
sender: {{name: Ada, email: ada@acme.example}}
trigger: {{event: signup}}
reentry: after_exit
exit_on: {{events: [left]}}
steps:
{steps}
"""
STEP = "  - {{id: {id}, delay: {{hours: {hours}}}, subject: Hello, template: mail.html, attachments: [terms.pdf]}}\n"
MAIL = "<html><body><p>Hello {{ lead.first_name | default('there') }}<img src='logo.png' alt=''></p></body></html>"
TERMS = b"%PDF-1.7 terms"
LOGO = b"\x89PNG\r\n\x1a\n" + bytes(range(256))

# Not state of the pipeline: what the tick at hand looked at anew; what it decided is in the journal, and the wall clock
# is not kept.
TRANSIENT = {
    *("tick", "prepared_models", "gate_lineage", "completions", "next_watermark"),
    *("changed_leads", "changed_identities", "new_identity_links"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("rebuild")
    (folder / "sequences" / "hello").mkdir(parents=True)
    (folder / "segments").mkdir()
    (folder / "segments" / "early.sql").write_text("select lead_id from {{ ref('stg_leads') }} where lead_id < 'L05'\n")
    _write_sequence(folder / "sequences" / "hello", first=0, second=2)
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    with MailSink(project.outbox) as sink:
        (project.root / ".env").write_text(f"DRIPS_SMTP_URL={sink.url}\nDRIPS_SMTP_CONNECTIONS=1\n")
        yield project


def _write_sequence(folder: Path, **steps: int) -> None:
    lines = "".join(STEP.format(id=name, hours=hours) for name, hours in steps.items())
    (folder / "sequence.yml").write_text(SEQUENCE.format(steps=lines))
    (folder / "mail.html").write_text(MAIL)
    (folder / "terms.pdf").write_bytes(TERMS)
    (folder / "logo.png").write_bytes(LOGO)


def _land(project: Project, kind: str, name: str, rows: list[dict[str, Any]]) -> None:
    (project.landing / kind / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def _signups(numbers: range, at: datetime, **more: str) -> list[dict[str, Any]]:
    return [
        {"event_id": f"e{at:%d%H}-{n}", "lead_id": f"L{n:02}", "event": "signup", "occurred_at": at.isoformat(), **more}
        for n in numbers
    ]


def tick(project: Project, hour: float) -> None:
    """One tick through the real phases, `hour` hours after the start."""
    pipeline = Pipeline.of(project)
    with open_warehouse(project.warehouse) as warehouse:
        report = pipeline.tick(warehouse, START + timedelta(hours=hour), settings=load_settings(project))
        assert not [node for node in report.measured if node.failed]


def _killed_while_sending(project: Project, hour: float) -> None:
    """The same in a process of its own that dies as soon as its first mails are out."""
    before = len(list(project.outbox.glob("*.eml")))
    code = (
        "from test_rebuild import tick; from dagster_drips.project import Project;"
        f" tick(Project.at({str(project.root)!r}), {hour})"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])]),
    }
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    while len(list(project.outbox.glob("*.eml"))) < before + 3:
        assert process.poll() is None, "the tick ended before it could be killed"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _dump(file: Path) -> dict[str, list[str]]:
    tables = {}
    with open_warehouse(file) as warehouse:
        for row in warehouse.rows(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('raw', 'journal', 'marts', 'segments', 'staging') order by all"
        ):
            if row["table_name"] not in TRANSIENT:
                name = f'{row["table_schema"]}."{row["table_name"]}"'
                tables[name] = sorted(map(repr, map(dict.items, warehouse.rows(f"select * from {name}"))))
    return tables


@pytest.fixture(scope="module")
def lived(project: Project) -> dict[str, list[str]]:
    """All tables after late files, edits in flight, and a kill in the middle of a send."""
    leads = [
        {"lead_id": f"L{n:02}", "email": f"p{n}@x.example", "created_at": "2026-03-01", "plan": "free"}
        for n in range(60)
    ]
    _land(project, "leads", "b.jsonl", leads)
    _land(project, "events", "b.jsonl", [*_signups(range(5), START), {"event_id": "no lead"}])
    tick(project, 0)
    tick(project, 1)
    # late, and of an earlier name than what was loaded
    _land(project, "events", "a.jsonl", _signups(range(5, 8), START + timedelta(minutes=30)))
    _land(project, "leads", "a.jsonl", [{**leads[6], "updated_at": "2026-03-28T09:00:00Z", "plan": "pro"}])
    _land(project, "suppressions", "a.jsonl", [{"email": "P1@x.example", "reason": "unsubscribed"}])
    _write_sequence(project.sequences / "hello", first=0, inserted=1, second=2)
    tick(project, 2)
    _land(project, "events", "c.jsonl", _signups(range(10, 60), START + timedelta(hours=3)))
    _killed_while_sending(project, 3)
    _write_sequence(project.sequences / "hello", first=0, second=2, third=1)
    _land(
        project,
        "events",
        "d.jsonl",
        [{"event_id": "x", "lead_id": "L02", "event": "left", "occurred_at": "2026-03-28T11:30:00Z"}],
    )
    tick(project, 3.5)
    tick(project, 6)
    return _dump(project.warehouse)


def test_what_was_lived_through_is_there_to_rebuild(lived: dict[str, list[str]], project: Project) -> None:
    assert len(lived['journal."sequence_versions"']) >= 3
    assert lived['raw."rejected_rows"']
    assert lived['journal."enrollment_closings"']
    assert lived['raw."retired_steps"']
    mails = [path.name for path in project.outbox.glob("*.eml")]
    assert len(mails) == len({name.split(".")[0] for name in mails}), "a mail went out twice"
    assert len(lived['marts."messages"']) >= len(mails) > 100


def test_the_rebuilt_warehouse_equals_the_lost_one(lived: dict[str, list[str]], project: Project) -> None:
    project.warehouse.unlink()
    report = rebuild(project)
    assert report.commits >= 9
    rebuilt = _dump(project.warehouse)
    assert rebuilt.keys() == lived.keys()
    for table, rows in lived.items():
        assert rebuilt[table] == rows, table


def test_life_goes_on_from_the_rebuilt_warehouse(lived: dict[str, list[str]], project: Project) -> None:
    before = set(project.outbox.glob("*.eml"))
    tick(project, 12)
    mails = set(project.outbox.glob("*.eml"))
    assert len(mails) == len({path.name.split(".")[0] for path in mails})
    assert len(mails) > len(before)
    # Files come by their hash from the journal.
    message = message_from_bytes((mails - before).pop().read_bytes(), policy=policy.default)
    files = {part.get_filename(): part.get_content() for part in message.walk() if part.get_filename()}
    assert files == {"terms.pdf": TERMS, "logo.png": LOGO}


def test_a_landed_file_that_is_gone_is_named_and_the_warehouse_stays(
    lived: dict[str, list[str]], project: Project
) -> None:
    lost = project.landing / "events" / "a.jsonl"
    kept = lost.read_bytes()
    lost.unlink()
    before = project.warehouse.stat().st_mtime_ns
    with pytest.raises(DripsError, match=r"a\.jsonl: this landed file is gone"):
        rebuild(project)
    assert project.warehouse.stat().st_mtime_ns == before
    lost.write_bytes(kept)
