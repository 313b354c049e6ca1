"""Sending runs that are killed where the warehouse is a PostgreSQL database: nothing goes out twice, nothing is lost.

The journal of deliveries is files on either engine; what is the server's is the log that they are ingested into, the
lock that a killed session must leave free, and transactions that end half-way.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from dbt_models import view_of
from postgres_server import postgres_server
from smtp.servers import ScriptedServer

from dagster_drips.delivery.ingestion import ingest_deliveries
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse, warehouse_of

from .test_crashes import MOMENTS, Blow, Executioner, Runs, fill

pytestmark = pytest.mark.slow

MESSAGES = 600
KILLS = 2 * len(MOMENTS)


def fill_server(project: Project) -> set[str]:
    """The project's database with what a DuckDB file of the same project has due; the ids."""
    due = fill(project, MESSAGES)
    with open_warehouse(project.warehouse) as here, open_warehouse(warehouse_of(project)) as there:
        tables = Path(__file__).with_name("due_tables.sql").read_text()
        there.run(tables.replace("create or replace table", "create table"))
        there.run(view_of("sendable_steps"))
        for table in ("journal.sequence_versions", "decide.due_steps", "staging.stg_leads"):
            there.append(table, here.frame(f"select * from {table}"))
    return due


def test_twelve_kills_double_nothing_and_lose_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_server() as database:
        database.execute("create database drips")
        for name, value in database.settings("drips").items():
            monkeypatch.setenv(name, value)
        due = fill_server(project)
        chance = random.Random(5)
        points = sorted(chance.sample(range(1, MESSAGES - 100), KILLS))
        blows = [Blow(moment, at, chance.random()) for moment, at in zip([*MOMENTS] * 2, points, strict=True)]
        executioner = Executioner()
        at = {"on_mail": "envelope", "on_rcpt": "recipient", "on_data": "body"}
        hooks = {name: executioner.hook(moment) for name, moment in at.items()}
        killed = 0
        with ScriptedServer(**hooks) as server, Runs(project, server.url) as runs:
            for blow in blows:
                executioner.aim(runs.start(), blow, runs)
                status = runs.status()
                assert status in (0, -signal.SIGKILL)
                killed += status != 0
            runs.start()
            assert runs.status() == 0
        assert killed >= KILLS // 2
        with open_warehouse(warehouse_of(project)) as warehouse:
            ingest_deliveries(project, warehouse)
            found = warehouse.rows("select message_id, outcome from raw.delivery_log")
    accepted = Counter(server.accepted)
    assert accepted.total() == len(accepted)
    assert sorted(row["message_id"] for row in found) == sorted(due)
    sent = {row["message_id"] for row in found if row["outcome"] == "sent"}
    assert sent <= set(accepted) <= {row["message_id"] for row in found if row["outcome"] != "failed"}
