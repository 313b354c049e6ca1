"""`deploy/dagster.sh` starts what it should, and ends in order, in process and user namespaces as a container has them.

Stand-ins take the places of Dagster's three programs, each with a process of its own beside it as the daemon has runs:
what is tried is the script.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from deploy.deployed import SCRIPT

NAMESPACES = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--pid", "--fork", "--mount-proc"]
PROGRAM = """#!/bin/sh
[ "$1" = instance ] && exit
name=$(basename "$0")
[ "$1" = run ] && setsid sh -c 'trap "sleep 1; echo run ended >>told; exit" TERM
    echo run begun >>told; while :; do sleep 60 & wait $!; done' &
trap 'echo "$name told" >>told; exit' TERM
echo "$name begun" >>told
while :; do sleep 60 & wait $!; done
"""
BEGUN = {"dagster begun", "dagster-daemon begun", "dagster-webserver begun", "run begun"}
ENDED = {"dagster told", "dagster-daemon told", "dagster-webserver told", "run ended"}


def _namespaces_work() -> bool:
    try:
        return subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not _namespaces_work(), reason="this machine lets nobody make namespaces by unshare")


@pytest.fixture
def container(tmp_path: Path) -> Generator[subprocess.Popen[bytes]]:
    """The script in namespaces of its own, in a folder where `told` has what its processes say."""
    (tmp_path / "bin").mkdir()
    for name in ("dagster", "dagster-daemon", "dagster-webserver"):
        (tmp_path / "bin" / name).write_text(PROGRAM, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "home").mkdir()
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    told = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "DAGSTER_HOME": str(tmp_path / "home")}
    process = subprocess.Popen([*NAMESPACES, "--kill-child", str(SCRIPT)], cwd=tmp_path, env=told)
    try:
        _wait_for(tmp_path, BEGUN)
        yield process
    finally:
        process.kill()
        process.wait()


def _told(folder: Path) -> set[str]:
    path = folder / "told"
    return {*path.read_text(encoding="utf-8").splitlines()} if path.exists() else set()


def _wait_for(folder: Path, lines: set[str]) -> None:
    for _ in range(600):
        if lines <= _told(folder):
            return
        time.sleep(0.1)
    raise AssertionError(f"after a minute: {_told(folder)}")


def _first(container: subprocess.Popen[bytes]) -> int:
    """The number outside of the process that is the first inside."""
    return int(Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()[0])


def test_a_stop_is_told_to_all_and_runs_come_to_their_end(container: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert (tmp_path / "home" / "dagster.yaml").read_text() == (tmp_path / "dagster.yaml").read_text()
    os.kill(_first(container), signal.SIGTERM)
    assert container.wait(timeout=120) == 0
    assert _told(tmp_path) == BEGUN | ENDED


def test_where_one_of_the_three_ends_all_end_and_it_is_a_failure(
    container: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    children = Path(f"/proc/{_first(container)}/task/{_first(container)}/children").read_text().split()
    (webserver,) = [pid for pid in children if b"dagster-webserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(webserver), signal.SIGKILL)
    assert container.wait(timeout=120) == 1
    assert _told(tmp_path) == (BEGUN | ENDED) - {"dagster-webserver told"}


def test_outside_of_a_container_it_ends_nobody() -> None:
    # Nor would it if it didn't look: without a DAGSTER_HOME it ends where it wants to write there.
    without = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    done = subprocess.run(["sh", str(SCRIPT)], env=without, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "is for a container that doesn't run as root" in done.stderr
