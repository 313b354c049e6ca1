"""The process that is kept warm: it loads a code location once, and forks a process for each run.

    python -m dagster_drips.orchestration.warm.server FD PROJECT

It is started by the launcher, which holds the other end of the socket FD, and speaks lines of JSON. First comes the
run's origin, as Dagster writes it down; then, for each run, what `dagster api execute_run` takes. Its answers: `ready`
or `unfit` (the code location can't be forked, and why); `process` (the run's, as `processes` names it) or `stale` (the
files have changed since: start another server).

A run's process executes the command `dagster api execute_run`, as the processes of Dagster's own launchers do. When one
dies without having ended its run, the run is reported as failed. Once the launcher is gone, the server waits for its
runs and ends. It has one thread, or it would not be forked.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_drips.orchestration.warm.later import import_later
from dagster_drips.orchestration.warm.processes import name_of
from dagster_drips.orchestration.warm.records import close_records, keep_records_open

if TYPE_CHECKING:
    from dagster_drips.orchestration.warm.sources import Sources

_LOADED_LATE = (
    *("dagster_drips.smtp.connector", "dagster_drips.message.mime", "dagster_drips.templating.rendering"),
    *("dagster_drips.alerts.looking", "dagster_drips.pipeline.publish"),
)
"""Modules that runs import when they need them, and most runs do."""
_TASKS = Path("/proc/self/task")


def main() -> None:
    """Serve until the launcher is gone and all runs have ended."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    server = _Server(channel, sys.argv[2])
    server.load()
    server.serve()


@dataclass(frozen=True)
class _Run:
    run_id: str
    arguments: str


class _Server:
    def __init__(self, channel: socket.socket, root: str):
        self._channel = channel
        self._lines = channel.makefile("r", encoding="utf-8")
        self._root = root
        self._runs: dict[int, _Run] = {}
        self._sources: Sources | None = None

    def load(self) -> None:
        """Load the code location; say that it is ready, or why no run can be forked from it."""
        origin = json.loads(self._lines.readline())["origin"]
        try:
            threads = self._load(origin)
        except Exception as error:
            self._answer(unfit=f"{type(error).__name__}: {error}")
            sys.exit(1)
        if threads > 1:
            self._answer(unfit=f"it has {threads} threads, and only a process of one can be forked")
            sys.exit(1)
        self._answer(ready=True)

    def _load(self, origin: str) -> int:
        import_later()
        import dagster as dg

        located: Any = dg.deserialize_value(origin)
        pointer = located.repository_origin.code_pointer
        if getattr(pointer, "working_directory", None):
            os.chdir(pointer.working_directory)
        loaded = pointer.load_target()
        if isinstance(loaded, dg.Definitions):
            for job in loaded.resolve_all_job_defs():
                loaded.resolve_job_def(job.name)
        _command()
        for name in _LOADED_LATE:
            __import__(name)
        from dagster_drips.orchestration.warm.sources import Sources
        from dagster_drips.project import Project

        self._sources = Sources(Project.at(self._root))
        gc.collect()
        gc.freeze()  # or a collection in the child writes into all pages that it shares
        return len(list(_TASKS.iterdir()))

    def serve(self) -> None:
        """Fork a run for each line, and look after those that end."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        is_wanted = True
        with selectors.DefaultSelector() as selector:
            selector.register(reader, selectors.EVENT_READ)
            selector.register(self._channel, selectors.EVENT_READ)
            while is_wanted or self._runs:
                for key, _ in selector.select():
                    if key.fd == reader:
                        os.read(reader, 4096)
                        self._bury()
                    elif not self._take_request():
                        selector.unregister(self._channel)
                        is_wanted = False

    def _take_request(self) -> bool:
        """Start a run; whether there is still somebody who asks."""
        try:
            line = self._lines.readline()
        except OSError:
            line = ""
        if not line:
            return False
        request = json.loads(line)
        if self._sources is None or self._sources.have_changed():
            self._answer(stale=True)
            return False
        pid = self._fork(_Run(request["run_id"], request["arguments"]))
        self._answer(process=name_of(pid) or f"{pid} 0")
        return True

    def _fork(self, run: _Run) -> int:
        pid = os.fork()
        if pid:
            self._runs[pid] = run
            return pid
        try:
            self._become_a_run()
            code = _execute(run.arguments)
        except BaseException:
            traceback.print_exc()
            code = 1
        _end(code)
        raise AssertionError("this process has ended")

    def _become_a_run(self) -> None:
        """Leave everything of the server behind."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._lines.close()
        self._channel.close()
        os.setpgid(0, 0)
        from dagster_drips.orchestration.resources import pipeline_of

        keep_records_open()
        pipeline_of.cache_clear()  # it knows files as they were when the server began

    def _bury(self) -> None:
        """Take note of the runs that have ended; of one that was killed nobody else would tell."""
        while self._runs:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            run = self._runs.pop(pid, None)
            if run is not None and status != 0 and os.fork() == 0:
                try:
                    self._become_a_run()
                    _report_dead(run, os.waitstatus_to_exitcode(status))
                finally:
                    _end(0)

    def _answer(self, **words: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self._channel.sendall(f"{json.dumps(words)}\n".encode())


def _command() -> Any:
    """The command `dagster`, as its own script calls it."""
    (script,) = entry_points(group="console_scripts", name="dagster")
    return script.load()


def _execute(arguments: str) -> int:
    sys.argv = ["dagster", "api", "execute_run", arguments]
    try:
        _command()()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    return 0


def _report_dead(run: _Run, code: int) -> None:
    import dagster as dg

    given: Any = dg.deserialize_value(run.arguments)
    with dg.DagsterInstance.from_ref(given.instance_ref) as instance:
        found = instance.get_run_by_id(run.run_id)
        if found is not None and not found.is_finished:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            instance.report_run_failed(found, f"the process of this run {how}")


def _end(code: int) -> None:
    """End this process without what only the server's end would want."""
    with suppress(Exception):
        close_records()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
