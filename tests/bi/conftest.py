"""What is published of a small demo, made once for all workers of a test run."""

from __future__ import annotations

import fcntl
from datetime import datetime
from pathlib import Path

import pytest
from conftest import REPOSITORY

from dagster_drips.demo.run import DemoPlan, run_demo
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
from dagster_drips.warehouse.watermark import note_late_deliveries

PLAN = DemoPlan(
    leads=400,
    events=4_000,
    first_tick=datetime(2026, 3, 3, 2),
    last_tick=datetime(2026, 3, 5, 14),
    sample_start=datetime(2026, 2, 13),
)
REFUSE = """
    update raw.delivery_log
    set outcome = 'bounced', recipient = 'someone.' || md5(message_id) || '@outlook.com', smtp_code = 550,
        enhanced_code = '5.7.1', detail = 'messages from this address are not accepted'
    where message_id in (
        select message_id from raw.delivery_log where outcome = 'sent' order by message_id limit 12
    )
"""
"""The demo's own mail server takes everything; what Outlook's would have answered is put into the log."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "bi-demo"
    with (folder.parent / "bi-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _make(folder)
            (folder / "ready").touch()
    return Project.at(folder)


def _make(folder: Path) -> None:
    project = run_demo(Project.at(REPOSITORY), folder, PLAN).project
    pipeline = Pipeline.of(project)
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(REFUSE)
        changed = warehouse.rows("select message_id, as_of from raw.delivery_log where smtp_code = 550")
        note_late_deliveries(warehouse, [(row["message_id"], row["as_of"]) for row in changed])
        assert [node.name for node in pipeline.measure() if node.failed] == []
        publish(warehouse, project.published, pipeline.transform.descriptions())
