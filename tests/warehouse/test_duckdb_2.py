"""The same on DuckDB 2, which an installer without the lock takes: the port, loading, ticks, sending, the marts.

DuckDB 2 is installed into a folder that goes before the environment's own; what runs there are tests of this project in
a process of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

pytestmark = pytest.mark.slow

CORE = ["tests/warehouse/test_port.py", "tests/landing/test_landing_examples.py", "tests/demo/test_run.py"]


@pytest.fixture(scope="module")
def duckdb_2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("duckdb_2")
    wanted = ["--quiet", "--target", str(folder), "--no-deps", "duckdb>=2,<3"]
    reasons = []
    uv = ["pip", "install", "--python", sys.executable]
    for installer in ([sys.executable, "-m", "pip", "install"], ["uv", *uv], ["python3", "-m", "uv", *uv]):
        try:
            # Not in the repository: uv would hold to the version that its pyproject.toml locks.
            done = subprocess.run([*installer, *wanted], cwd=folder, capture_output=True, text=True, check=False)
        except OSError as error:
            reasons.append(str(error))
            continue
        if done.returncode == 0:
            return folder
        reasons.append(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no reason given")
    pytest.skip(f"DuckDB 2 can't be installed: {'; '.join(reasons)}")


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=environment | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_core_runs_on_duckdb_2(duckdb_2: Path) -> None:
    version = _run(duckdb_2, "-c", "import duckdb; print(duckdb.__version__)")
    assert version.stdout.startswith("2.")
    done = _run(duckdb_2, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *CORE)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
