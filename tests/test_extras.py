"""Optional halves: what happens where an extra is not installed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
EXTRAS = {
    "collector": ("anyio", "starlette", "uvicorn"),
    "inbox": ("flufl.bounce", "imap_tools"),
    "doctor": ("dns",),
    "alerts": ("apprise",),
    "postgres": ("dagster_postgres", "dbt.adapters.postgres", "psycopg2"),
    "report": ("matplotlib",),
    "s3": ("boto3",),
    "ui": ("streamlit",),
}
"""What each extra lets one import."""
COMMANDS = {
    "collector": ("collect",),
    "alerts": ("alert", "--test", "ops"),
    "report": ("report", "--out", "report.html"),
    "s3": ("adopt",),
}
"""What needs it, where that isn't a command of the same name."""

HEAVY = "spark"
"""Which has an environment of its own in tests (`spark_cluster`): no command needs it yet."""
NO_COMMANDS = {"postgres"}
"""What every project does without whose warehouse is a file: Dagster and dbt import it where their settings name it."""


def without(modules: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process where these modules can't be imported."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n"
    return subprocess.run([sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("extra", "module"),
    [(extra, name) for extra, names in EXTRAS.items() if extra not in NO_COMMANDS for name in names],
)
def test_a_command_says_in_one_line_which_extra_it_needs(tmp_path: Path, extra: str, module: str) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    (tmp_path / "sequences" / "project.yml").write_text("alerts: {targets: {ops: {}}}\n")
    settings = {"s3": "DRIPS_OBJECT_STORE_URL=s3://acme/drips\n"}
    (tmp_path / ".env").write_text("DRIPS_ALERT_URL_OPS=json://127.0.0.1:1\n" + settings.get(extra, ""))
    command = [*COMMANDS.get(extra, (extra,)), "--project", str(tmp_path)]
    done = without(
        (module,),
        f"sys.argv = ['drips', *{command!r}]\nfrom dagster_drips.cli import main\nmain()",
    )
    [*_, last] = done.stderr.splitlines()
    assert done.returncode == 1
    assert re.fullmatch(
        rf"error: (.*: )?{module}[a-z.]* is not installed: pip install 'dagster-drips\[{extra}\]'", last
    )
    assert "Traceback" not in done.stderr


def test_ticks_need_no_extra() -> None:
    modules = tuple(name for names in EXTRAS.values() for name in names)
    done = without(
        modules,
        "import dagster_drips.cli.commands, dagster_drips.orchestration.build, dagster_drips.pipeline.tick\n"
        "import dagster_drips.pipeline.replay, dagster_drips.demo.run, dagster_drips.privacy.forget",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_all_extras_but_the_heavy_one_are_installed_for_development() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = {name: names for name, names in project["project"]["optional-dependencies"].items() if name != HEAVY}
    assert set(extras) == set(EXTRAS)
    assert f"dagster-drips[{','.join(sorted(EXTRAS))}]" in project["dependency-groups"]["dev"]
    locked = (ROOT / "requirements.lock").read_text()
    for packages in extras.values():
        for package in packages:
            assert f"\n{package.partition('>=')[0].partition('[')[0].replace('.', '-')}==" in f"\n{locked}", package


def test_a_warehouse_on_postgresql_says_which_extra_it_needs(tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    (tmp_path / ".env").write_text("DRIPS_TARGET=postgres\n")
    done = without(
        ("psycopg2",),
        f"sys.argv = ['drips', 'status', '--project', {str(tmp_path)!r}]\nfrom dagster_drips.cli import main\nmain()",
    )
    assert done.returncode == 1
    assert done.stderr == "error: psycopg2 is not installed: pip install 'dagster-drips[postgres]'\n"
