"""What `import dagster_drips` brings: names for a code location, and nothing that a command does not need."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
from conftest import REPOSITORY

import dagster_drips


def test_the_package_and_the_command_import_no_dagster() -> None:
    script = (
        "import sys, dagster_drips, dagster_drips.cli\nassert 'DripsComponent' in dir(dagster_drips)\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('dagster', 'dagster_dbt', 'dbt')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_name_that_there_is_not_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Component'"):
        _ = dagster_drips.Component


def test_dg_finds_the_component_by_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]
    assert groups == {"dagster_dg_cli.registry_modules": {"dagster_drips": "dagster_drips"}}
