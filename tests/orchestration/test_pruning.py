"""Old runs leave Dagster's records and its folder; runs of others, and such as go on, stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from dagster_drips.orchestration.names import PROJECT_TAG, QUIET_TAG
from dagster_drips.orchestration.pruning import prune_runs
from dagster_drips.project import Project


@dg.job(executor_def=dg.in_process_executor)
def something() -> None:
    @dg.op
    def say() -> None:
        print("something")

    say()


def test_runs_of_this_project_that_are_over_are_deleted_with_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sequences", "dbt_project", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    project = Project.at(tmp_path)
    ours, later = {PROJECT_TAG: str(project.root)}, datetime.now(UTC) + timedelta(hours=1)

    def files(run_id: str) -> list[Path]:
        return [path for path in (tmp_path / "home").rglob("*") if run_id in str(path)]

    with dg.DagsterInstance.get() as instance:
        old, foreign = (
            something.execute_in_process(instance=instance, tags=tags).run_id for tags in (ours, {PROJECT_TAG: "/x"})
        )
        going_on = instance.create_run_for_job(something, tags=ours, status=dg.DagsterRunStatus.STARTED).run_id
        assert files(old) and files(foreign)
        assert prune_runs(instance, project, datetime.now(UTC) - timedelta(hours=1)) == 0
        quiet = something.execute_in_process(instance=instance, tags={**ours, QUIET_TAG: "true"}).run_id
        assert prune_runs(instance, project, later, quiet=True) == 1
        assert files(quiet) == [] and files(old)
        assert prune_runs(instance, project, later) == 1
        assert prune_runs(instance, project, later) == 0
        assert {run.run_id for run in instance.get_runs()} == {foreign, going_on}
        assert files(old) == []
        assert files(foreign)
