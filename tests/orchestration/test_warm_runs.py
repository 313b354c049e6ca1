"""Runs forked from a warm process: begun, watched, interrupted, and begun elsewhere once files have changed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from code_location import code_location_in

from dagster_drips.orchestration.names import PROJECT_TAG
from dagster_drips.orchestration.warm.launcher import PROCESS_TAG, WarmRunLauncher
from dagster_drips.orchestration.warm.processes import is_there, name_of
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.segments import current_manifest_json

pytestmark = pytest.mark.slow

SECONDS = 120.0  # only a test that hangs waits as long
LOCATION = """
import os, pathlib, signal, time
import dagster as dg

HERE = pathlib.Path(__file__).parent
SAYS = "as it was"

@dg.op
def work(context):
    what = context.run.tags.get("what", "say")
    (HERE / context.run_id).write_text(f"{os.getppid()} {SAYS}")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "wait":
        time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def everything():
    work()

defs = dg.Definitions(jobs=[everything])
"""
THREADED = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
CONFIG = """
telemetry: {enabled: false}
run_launcher:
  module: dagster_drips.orchestration.warm.launcher
  class: WarmRunLauncher
"""


class Place:
    """A code location of one job, and an instance whose launcher is ours."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance):
        self.folder = folder
        self.instance = instance

    def launch(self, what: str = "say", module: str = "warm_location") -> dg.DagsterRun:
        """A run, as Dagster's daemon starts it."""
        from dagster._core.code_pointer import ModuleCodePointer
        from dagster._core.definitions.reconstruct import ReconstructableRepository
        from dagster._core.launcher.base import LaunchRunContext

        repository = ReconstructableRepository(ModuleCodePointer(module, "defs", working_directory=str(self.folder)))
        job = repository.get_reconstructable_job("everything")
        run = self.instance.create_run_for_job(
            job.get_definition(),
            tags={PROJECT_TAG: str(self.folder), "what": what},
            status=dg.DagsterRunStatus.STARTING,
            job_code_origin=job.get_python_origin(),
        )
        self.instance.run_launcher.launch_run(LaunchRunContext(run, None))
        return self.now(run)

    def now(self, run: dg.DagsterRun) -> dg.DagsterRun:
        found = self.instance.get_run_by_id(run.run_id)
        assert found is not None
        return found

    def ended(self, run: dg.DagsterRun) -> dg.DagsterRun:
        until(lambda: self.now(run).is_finished)
        return self.now(run)

    def said(self, run: dg.DagsterRun) -> list[str]:
        """The process that the run was forked from, and the words of the code that it ran."""
        return (self.folder / run.run_id).read_text().split(" ", 1)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("warm")
    for name in ("sequences", "dbt_project", "home"):
        (folder / name).mkdir()
    (folder / "warm_location.py").write_text(LOCATION)
    (folder / "threaded_location.py").write_text(THREADED + LOCATION)
    (folder / "home" / "dagster.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("DAGSTER_HOME", str(folder / "home"))
        with dg.DagsterInstance.get() as instance:
            yield Place(folder, instance)


def test_runs_are_forked_from_one_process(place: Place) -> None:
    assert isinstance(place.instance.run_launcher, WarmRunLauncher)
    runs = [place.ended(place.launch()) for _ in range(2)]
    assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 2
    assert place.said(runs[0]) == place.said(runs[1])
    pids = {run.tags[PROCESS_TAG].split()[0] for run in runs}
    assert len(pids) == 2 and str(os.getpid()) not in pids


def test_a_run_whose_process_was_killed_has_failed_and_says_how(place: Place) -> None:
    dead = place.ended(place.launch("die"))
    assert dead.status == dg.DagsterRunStatus.FAILURE
    told = [entry.message for entry in place.instance.all_logs(dead.run_id)]
    assert any("the process of this run was ended by signal 9" in message for message in told)


def test_a_run_is_watched_and_can_be_interrupted(place: Place) -> None:
    launcher = place.instance.run_launcher
    assert launcher.supports_check_run_worker_health
    run = place.launch("wait")
    until((place.folder / run.run_id).exists)
    assert launcher.check_run_worker_health(run).status.value == "RUNNING"
    assert launcher.terminate(run.run_id)
    assert place.ended(run).status == dg.DagsterRunStatus.CANCELED
    until(lambda: not is_there(run.tags[PROCESS_TAG]))
    assert launcher.check_run_worker_health(run).status.value == "NOT_FOUND"
    assert not launcher.terminate(run.run_id)


def test_a_changed_file_counts_from_the_next_run(place: Place) -> None:
    before = place.said(place.ended(place.launch()))
    location = place.folder / "warm_location.py"
    location.write_text(location.read_text().replace("as it was", "as it has become"))
    after = place.said(place.ended(place.launch()))
    assert (before[1], after[1]) == ("as it was", "as it has become")
    assert before[0] != after[0]
    (place.folder / "dbt_project" / "dbt_project.yml").write_text("name: another\n")
    assert place.said(place.ended(place.launch()))[0] not in (before[0], after[0])


def test_where_code_starts_threads_a_run_is_left_to_dagsters_own_launcher(place: Place) -> None:
    with pytest.raises(Exception, match="requires a workspace"):  # which this test has not
        place.launch(module="threaded_location")
    [run] = place.instance.get_runs(limit=1)
    told = [entry.message for entry in place.instance.all_logs(run.run_id)]
    assert any("no warm process for this run: it has 2 threads" in message for message in told)


def test_a_process_is_known_by_its_start_too() -> None:
    mine = name_of(os.getpid())
    assert mine is not None and is_there(mine)
    assert not is_there(f"{os.getpid()} 1")
    ended = subprocess.Popen(["true"])
    until(lambda: name_of(ended.pid) is None)
    ended.wait()
    assert name_of(ended.pid) is None


def test_the_code_location_can_be_forked(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One module that looks into Polars or DuckDB as it is imported, and no run is forked any more."""
    project = code_location_in(tmp_path_factory.getbasetemp()).project
    # Where dbt has to read the project first, it is dbt that looks into DuckDB.
    current_manifest_json(project, Transform(project))
    script = """
        import os
        from dagster_drips.orchestration.warm.later import import_later, not_yet_imported
        import_later()
        from dagster_drips.definitions import defs
        for job in defs.resolve_all_job_defs():
            defs.resolve_job_def(job.name)
        import polars, duckdb
        print(not_yet_imported(), len(os.listdir("/proc/self/task")), polars.DataFrame({"a": [1]}).height, duckdb.Error)
        print(not_yet_imported())
    """
    environment = os.environ | {"DRIPS_PROJECT": str(project.root)}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["['duckdb', 'polars'] 1 1 <class '_duckdb.Error'>", "[]"], done.stderr
