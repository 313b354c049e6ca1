"""Dagster's own storage on PostgreSQL: a tick forked by our launcher, and old runs that the hourly job deletes."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from code_location import write_sequence
from conftest import REPOSITORY, copy_project
from postgres_server import PostgresServer, postgres_server
from smtp.servers import ScriptedServer

from dagster_drips.orchestration.names import PROJECT_TAG
from dagster_drips.orchestration.warm.launcher import PROCESS_TAG, WarmRunLauncher
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

SECONDS = 300.0  # only a test that hangs waits as long
SCAFFOLDED = REPOSITORY / "dagster_drips" / "scaffold" / "project" / "dagster.yaml"
PAGE = REPOSITORY / "docs" / "production.md"


class Place:
    """A project, and an instance as its `dagster.yaml` makes it, with what the documentation adds."""

    def __init__(self, project: Project, instance: dg.DagsterInstance, server: PostgresServer):
        from dagster_drips.orchestration.build import build_code_location

        self.project = project
        self.instance = instance
        self.server = server
        self.definitions = build_code_location(project)

    def run(self, job: str, tags: dict[str, str], config: dict[str, Any] | None = None) -> dg.DagsterRun:
        """A run as Dagster's daemon starts it, at its end."""
        from dagster._core.code_pointer import ModuleCodePointer
        from dagster._core.definitions.reconstruct import ReconstructableRepository
        from dagster._core.launcher.base import LaunchRunContext

        pointer = ModuleCodePointer("dagster_drips.definitions", "defs", working_directory=str(self.project.root))
        repository = ReconstructableRepository(pointer, executable_path=sys.executable)
        run = self.instance.create_run_for_job(
            self.definitions.resolve_job_def(job),
            run_config=config,
            tags=tags,
            status=dg.DagsterRunStatus.STARTING,
            job_code_origin=repository.get_reconstructable_job(job).get_python_origin(),
        )
        self.instance.run_launcher.launch_run(LaunchRunContext(run, None))
        deadline = time.monotonic() + SECONDS
        while not (found := self.instance.get_run_by_id(run.run_id)) or not found.is_finished:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        return found

    def said(self, run: dg.DagsterRun) -> str:
        return "\n".join(entry.message for entry in self.instance.all_logs(run.run_id))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("storage")
    for name in ("sequences", "segments", "home"):
        (folder / name).mkdir()
    (folder / "segments" / "everybody.sql").write_text("select lead_id from {{ ref('stg_leads') }}\n")
    with postgres_server() as server, ScriptedServer() as mail, pytest.MonkeyPatch.context() as patch:
        project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
        write_sequence(project, "signup")
        (project.root / ".env").write_text(f"DRIPS_SMTP_URL={mail.url}\n")
        for kind, rows in {
            "leads": "lead_id,created_at,email\nada,2026-03-01,ada@acme.example\n",
            "events": "event_id,lead_id,event,occurred_at\n1,ada,signup,2026-03-01\n",
        }.items():
            (project.landing / kind).mkdir(parents=True)
            (project.landing / kind / "1.csv").write_text(rows)
        [storage] = re.findall(r"```yaml\n(# dagster\.yaml\nstorage:.*?)```", PAGE.read_text(), re.DOTALL)
        [variable] = re.findall(r"env: (\w+)", storage)
        (folder / "home" / "dagster.yaml").write_text(f"{SCAFFOLDED.read_text()}\n{storage}")
        server.execute("create database dagster")
        patch.setenv("DAGSTER_HOME", str(folder / "home"))
        patch.setenv(variable, server.url("dagster").replace("postgresql:", "postgresql+psycopg2:"))
        patch.setenv("DRIPS_PROJECT", str(project.root))
        with dg.DagsterInstance.get() as instance:
            yield Place(project, instance, server)


def test_a_tick_is_forked_and_kept_there_and_deleted_when_it_is_old(place: Place) -> None:
    assert isinstance(place.instance.run_launcher, WarmRunLauncher)
    assert yaml.safe_load(SCAFFOLDED.read_text())["run_launcher"]["class"] == WarmRunLauncher.__name__
    ours = {PROJECT_TAG: str(place.project.root)}
    tick = place.run("tick", ours, {"ops": {"clock": {"config": {"as_of": "2026-03-02T08:00:00Z"}}}})
    assert tick.status == dg.DagsterRunStatus.SUCCESS, place.said(tick)
    assert PROCESS_TAG in tick.tags, place.said(tick)
    with open_warehouse(place.project.warehouse, read_only=True) as warehouse:
        assert warehouse.rows("select lead_id, status from marts.messages") == [{"lead_id": "ada", "status": "sent"}]

    kept = "select (select count(*) from runs where run_id = %s), (select count(*) from event_logs where run_id = %s)"
    [(runs, events)] = place.server.execute(kept, (tick.run_id,) * 2, database="dagster")
    assert runs == 1
    assert events > 100
    assert not list((Path(place.instance.root_directory) / "history").rglob("*.db"))

    aged = "update runs set create_timestamp = create_timestamp - interval '1000 days' where run_id = %s"
    place.server.execute(aged, (tick.run_id,), database="dagster")
    look = place.definitions.resolve_schedule_def("old_runs").evaluate_tick(dg.build_schedule_context(place.instance))
    [request] = look.run_requests or ()
    pruning = place.run("prune", dict(request.tags))
    assert pruning.status == dg.DagsterRunStatus.SUCCESS, place.said(pruning)
    assert place.server.execute(kept, (tick.run_id,) * 2, database="dagster") == [(0, 0)]
    assert [run.run_id for run in place.instance.get_runs()] == [pruning.run_id]
