"""dbt-score and dbt-bouncer, each in an environment of its own, are content with the dbt package.

They look at the project that was parsed and not at its packages, so the package is parsed as a project here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import DBT_PACKAGE, REPOSITORY
from own_environments import environment, locked

from dagster_drips.pipeline.dbt_files import MADE

pytestmark = pytest.mark.slow

LOWEST_SCORE = "9.5"
BOUNCER = "dbt-bouncer==4.3.0"


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt package, with its manifest in `target/`."""
    folder = tmp_path_factory.mktemp("linted") / "package"
    shutil.copytree(DBT_PACKAGE, folder, ignore=shutil.ignore_patterns(*MADE))
    shutil.copy(REPOSITORY / "dbt_project" / "profiles.yml", folder)
    _parse(folder)
    return folder


def _parse(folder: Path) -> None:
    done = _run(Path(sys.executable).parent, folder, "dbt", "--quiet", "parse", "--profile", "drips")
    assert done.returncode == 0, done.stdout


def _run(programs: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_dbt_score_gives_nine_and_a_half_with_all_of_its_rules(parsed: Path) -> None:
    programs = environment("dbt-score==0.19.0", *locked("dbt-core"))
    command = ["dbt-score", "lint", "--manifest", "target/manifest.json", "--show", "failing-items"]
    done = _run(programs, parsed, *command, "--fail-project-under", LOWEST_SCORE, "--fail-any-item-under", "0")
    assert "Project score" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout
    # It does fail below.
    assert _run(programs, parsed, *command, "--fail-project-under", "10").returncode == 1


def test_dbt_bouncer_s_standard_rules_pass_or_are_waived_with_the_reason(parsed: Path) -> None:
    programs = environment(BOUNCER)
    done = _run(programs, parsed, "dbt-bouncer", "run", "--config-file", "dbt-bouncer.yml", "--show-all-failures")
    assert done.returncode == 0, done.stdout + done.stderr
    (preset,) = programs.parent.glob("lib/python*/site-packages/dbt_bouncer/presets/standard.yml")
    ours, standard = (
        {check.pop("name"): check for check in yaml.safe_load(file.read_text())["manifest_checks"]}
        for file in (parsed / "dbt-bouncer.yml", preset)
    )
    tests = ours["check_model_has_unique_test"].pop("accepted_uniqueness_tests")
    assert tests == ["unique", "one_row_per"]
    assert ours == standard
    (parsed / "models" / "marts" / "undescribed.sql").write_text("select 1 as one\n")
    _parse(parsed)
    assert _run(programs, parsed, "dbt-bouncer", "run", "--config-file", "dbt-bouncer.yml").returncode == 1
