"""The run launcher that `dagster.yaml` names: runs of ours are forked from a warm process, all others start as ever.

    run_launcher:
      module: dagster_drips.orchestration.warm.launcher
      class: WarmRunLauncher

A run imports for five to eight seconds before it does anything; a fork of a process that has imported takes none of
them. The process belongs to whoever launches, Dagster's daemon, and is started at the first run. Where it can't be had
(another system than Linux, a code location that starts threads) a run starts as by Dagster's own launcher, and says so.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import Any

import dagster as dg

from dagster_drips.orchestration.names import PROJECT_TAG
from dagster_drips.orchestration.warm.processes import is_there, signal_to
from dagster_drips.orchestration.warm.records import keep_records_open

PROCESS_TAG = "drips/process"
"""Of a run: its process, as `processes` names it."""
_SECONDS_TO_LOAD = 180.0
"""As long as Dagster gives a code server."""
_SECONDS_TO_FORK = 30.0


class _NotWarm(Exception):
    """No run can be had from a warm process; says why."""


class _Lost(Exception):
    """A warm process was asked for a run and did not answer: whether the run goes on is not known."""


class _Server:
    """A warm process of one code location, seen from here."""

    def __init__(self, origin: str, python: str, root: str):
        ours, theirs = socket.socketpair()
        module = "dagster_drips.orchestration.warm.server"
        with theirs:
            self._process = subprocess.Popen(
                [python, "-m", module, str(theirs.fileno()), root],
                pass_fds=[theirs.fileno()],
                env=os.environ | {"DRIPS_PROJECT": root},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # what ends the daemon from a terminal leaves runs to their end
            )
        self._channel = ours
        self._lines = ours.makefile("r", encoding="utf-8")
        answer = self._ask({"origin": origin}, _SECONDS_TO_LOAD)
        if "ready" not in answer:
            self.leave()
            raise _NotWarm(answer.get("unfit", "it said nothing"))

    def start(self, run_id: str, arguments: str) -> str | None:
        """Fork a run; returns its process, None where this server has ended or is too old for it."""
        if self._process.poll() is not None:
            return None
        try:
            return self._ask({"run_id": run_id, "arguments": arguments}, _SECONDS_TO_FORK).get("process")
        except _NotWarm as error:
            # Another process for the same run might be its second one.
            raise _Lost(f"the warm process was asked for this run and did not answer: {error}") from error

    def leave(self) -> None:
        """Want no more runs of it; it ends when those that it started have."""
        self._lines.close()
        self._channel.close()
        threading.Thread(target=self._process.wait, daemon=True).start()

    def _ask(self, words: dict[str, str], seconds: float) -> dict[str, Any]:
        self._channel.settimeout(seconds)
        try:
            self._channel.sendall(f"{json.dumps(words)}\n".encode())
            line = self._lines.readline()
        except OSError as error:
            raise _NotWarm(str(error)) from error
        if not line:
            raise _NotWarm("the warm process has ended")
        return json.loads(line)


class WarmRunLauncher(dg.DefaultRunLauncher):
    """Forks runs of dagster-drips from a warm process; leaves all others to Dagster's own launcher."""

    def __init__(self, inst_data: Any = None):
        super().__init__(inst_data)
        self._servers: dict[str, _Server] = {}
        self._lock = threading.Lock()

    def launch_run(self, context: Any) -> None:
        """Start a run, which is to be `STARTING`; returns as soon as it has a process."""
        keep_records_open()  # for the runs to come: who launches also writes down what they are to make
        run: dg.DagsterRun = context.dagster_run
        if PROJECT_TAG not in run.tags or run.job_code_origin is None or sys.platform != "linux":
            super().launch_run(context)
            return
        try:
            process = self._fork(run)
        except _NotWarm as error:
            self._instance.report_engine_event(f"no warm process for this run: {error}", run, cls=self.__class__)
            super().launch_run(context)
            return
        self._instance.add_run_tags(run.run_id, {PROCESS_TAG: process})

    def _fork(self, run: dg.DagsterRun) -> str:
        # Dagster's own launchers outside of its package hand a run to a process by this class.
        from dagster._grpc.types import ExecuteRunArgs

        origin: Any = run.job_code_origin
        arguments = ExecuteRunArgs(job_origin=origin, run_id=run.run_id, instance_ref=self._instance.get_ref())
        written = dg.serialize_value(arguments)
        root = run.tags[PROJECT_TAG]
        key = f"{root} {dg.serialize_value(origin.repository_origin)}"
        with self._lock:
            server = self._servers.pop(key, None)
            if server is not None:
                process = server.start(run.run_id, written)
                if process is not None:
                    self._servers[key] = server
                    return process
                server.leave()
            python = origin.repository_origin.executable_path or sys.executable
            server = _Server(dg.serialize_value(origin), python, root)
            process = server.start(run.run_id, written)
            if process is None:
                server.leave()
                raise _NotWarm("the files of the code location change at this very moment")
            self._servers[key] = server
            return process

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run, which ends its step and itself; whether there was one to interrupt."""
        run = self._instance.get_run_by_id(run_id) if self.has_instance else None
        if run is None or PROCESS_TAG not in run.tags:
            return super().terminate(run_id)
        if run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return signal_to(run.tags[PROCESS_TAG], signal.SIGTERM)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Dagster's run monitoring may ask whether a run's process goes on."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> Any:
        """Whether the process of a run goes on; of runs that others started nothing is known."""
        from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

        process = run.tags.get(PROCESS_TAG)
        if process is None or is_there(process):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the process of this run is gone")

    def dispose(self) -> None:
        """Let the warm processes go; runs that go on come to their end."""
        with self._lock:
            for server in self._servers.values():
                server.leave()
            self._servers.clear()
