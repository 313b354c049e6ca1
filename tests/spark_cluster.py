"""A standalone cluster of Apache Spark of a test's own: a master and two workers on 127.0.0.1, gone after it.

Of PyPI's pyspark alone, in an environment of its own (`own_environments`), as it weighs 400 MB. Tests that need one are
skipped where it or Java can't be had.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from own_environments import environment, locked

PACKAGES = ("pyspark==4.3.0", "dbt-spark==1.11.0", *locked("dbt-core", "dbt-adapters"))
_WORKERS = 2
_SECONDS_TO_START = 120
_SECONDS_TO_END = 10
_HEAP = "512m"


@dataclass(frozen=True)
class SparkCluster:
    """A cluster that runs.

    Args:
        master: its address, `spark://127.0.0.1:…`.
        programs: of the environment with pyspark and dbt-spark.
        folder: for whatever runs there.
    """

    master: str
    programs: Path
    folder: Path

    def run(self, script: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a script with that environment's Python, which finds the cluster's address in `SPARK_MASTER`."""
        return subprocess.run(
            # Without the script's folder on its path: dbt would import whatever begins with `dbt_` there.
            [self.programs / "python", "-P", script, *arguments],
            env=_environment(self.folder) | {"SPARK_MASTER": self.master},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def spark_cluster(folder: Path) -> Generator[SparkCluster]:
    """A cluster whose files lie in a folder; skips the test where it can't be had."""
    if shutil.which("java") is None:
        pytest.skip("Java is not installed: Spark runs on it")
    programs = environment(*PACKAGES)
    folder.mkdir(parents=True, exist_ok=True)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        log = folder / "master.log"
        processes.append(_started(programs, folder, log, "master.Master"))
        master = _said(processes[-1], log, r"Starting Spark master at (spark://\S+)")
        for nth in range(_WORKERS):
            log = folder / f"worker{nth}.log"
            options = ("--cores", "1", "--memory", "2g", "--work-dir", folder / "work", master)
            processes.append(_started(programs, folder, log, "worker.Worker", *options))
        for nth, process in enumerate(processes[1:]):
            _said(process, folder / f"worker{nth}.log", r"(Successfully registered with master)")
        yield SparkCluster(master, programs, folder)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            # Java ignores SIGTERM where what has started it does: Dagster has it do what SIGINT does, and that is
            # nothing in the background of a shell.
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SECONDS_TO_END)
            process.kill()
            process.wait()


def _environment(folder: Path) -> dict[str, str]:
    others = ("SPARK_", "PYSPARK_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": _HEAP,
        "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }


def _started(programs: Path, folder: Path, log: Path, what: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
    [home] = programs.parent.glob("lib/python*/site-packages/pyspark")
    command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{what}", "--host", "127.0.0.1"]
    with log.open("wb") as stream:
        return subprocess.Popen(
            [*command, "--port", "0", "--webui-port", "0", *arguments],
            env=_environment(folder) | {"SPARK_HOME": str(home)},
            cwd=folder,
            stdout=stream,
            stderr=stream,
        )


def _said(process: subprocess.Popen[bytes], log: Path, pattern: str) -> str:
    """What a server's log says, as soon as it does."""
    until = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(pattern, log.read_text(encoding="utf-8", errors="replace")):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))
