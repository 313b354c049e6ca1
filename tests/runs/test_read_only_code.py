"""A tick where the code can't be written: a read-only disk with `data/` on another one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import copy_project

pytestmark = pytest.mark.slow

# A mount of its own shows root a disk that it can't write; modes alone would not keep root from it.
SCRIPT = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && mount --bind "$2" "$1/data" || exit 77
touch "$1/written" 2>/dev/null && exit 78
cd / && exec "$3" -m dagster_drips --project "$1" run --as-of 2026-03-02T08:00:00Z
"""


def test_a_tick_writes_nothing_but_data(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "code")
    data = tmp_path / "disk"
    (data / "landing" / "leads").mkdir(parents=True)
    (data / "landing" / "leads" / "a.csv").write_text("lead_id,created_at,email\nl1,2026-03-01,a@x.example\n")
    project.data.mkdir()
    command = ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", str(project.root), str(data), sys.executable]
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("a disk that can't be written takes a mount, and mounts are not to be had here")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(f"this machine lets nobody mount: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert "loaded   1 leads" in done.stdout
    assert (data / "dbt" / "dbt_project.yml").is_symlink()
    assert (data / "published" / "drips.duckdb").exists()
