"""A project whose runs are kept, a mail server that counts, and commands in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import dagster as dg
import pytest
from smtp.servers import ScriptedServer

from dagster_drips.orchestration.names import DUE_STEPS
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

CONNECTIONS = 2
PEOPLE = 8
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
SECONDS = 90.0  # only a test that hangs waits as long


@cache
def definitions_of(root: str) -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRIPS_PROJECT", root)  # the module builds a code location when it is imported
        from dagster_drips.orchestration.build import build_code_location
    ours = build_code_location(Project.at(root))
    # What the `send` job is, repeated by Dagster as soon as a step of it fails.
    retried_job = dg.define_asset_job(
        "send_with_retries",
        dg.AssetSelection.assets(*ours.resolve_job_def("send").asset_layer.executable_asset_keys),
        executor_def=dg.in_process_executor,
        op_retry_policy=dg.RetryPolicy(max_retries=1),
    )
    return dg.Definitions.merge(ours, dg.Definitions(jobs=[retried_job]))


def job_of(root: str, name: str) -> dg.JobDefinition:
    """What Dagster makes a job from again before it re-executes a run."""
    return definitions_of(root).resolve_job_def(name)


class CountingServer(ScriptedServer):
    """Takes every message and does something when it has had one as often as was said."""

    def __init__(self) -> None:
        super().__init__(on_data=self._count)
        self._left = 0
        self._action: Callable[[], object] = lambda: None

    def at_message(self, number: int, action: Callable[[], object]) -> None:
        """Do this, once, when the so-manieth message from now on is there, before it is answered."""
        self._left, self._action = number, action

    def _count(self, _envelope: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._action()


@dataclass
class Shop:
    """The project, its runs so far, and who should have had a message."""

    project: Project
    instance: dg.DagsterInstance
    server: CountingServer
    day: int = 1
    people: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    """Messages in doubt that an earlier test has left."""

    def use(self, url: str, **settings: str) -> None:
        """Send by this server from now on."""
        lines = [f"DRIPS_SMTP_URL={url}", f"DRIPS_SMTP_CONNECTIONS={CONNECTIONS}"]
        lines += [f"{name}={value}" for name, value in settings.items()]
        (self.project.root / ".env").write_text("\n".join(lines) + "\n")

    def land(self, people: int = PEOPLE) -> str:
        """New people who want a message each; returns the instant of a tick that decides it."""
        self.day += 1
        names = [f"d{self.day}p{number}" for number in range(people)]
        rows = [f"{name},2026-03-{self.day:02}T00:00:00Z,{name}@x.example" for name in names]
        file = self.project.landing / "leads" / f"{self.day}.csv"
        file.write_text("\n".join(["lead_id,created_at,email", *rows]) + "\n")
        self.people += [f"{name}@x.example" for name in names]
        return f"2026-03-{self.day:02}T08:00:00Z"

    def execute(self, job: str, as_of: str | None = None, **options: Any) -> dg.ExecuteInProcessResult:
        """A run of a job in this process."""
        config = QUIET | ({"ops": {"clock": {"config": {"as_of": as_of}}}} if as_of else {})
        return job_of(str(self.project.root), job).execute_in_process(
            run_config=config, instance=self.instance, raise_on_error=False, **options
        )

    def decide(self, people: int = PEOPLE) -> str:
        """New people and a tick's first half; nothing is sent yet."""
        as_of = self.land(people)
        decided = self.execute("decide", as_of)
        assert decided.success
        assert metadata_of(decided, DUE_STEPS)["due"] == people
        return as_of

    def materialize(self, *keys: dg.AssetKey) -> dg.ExecuteInProcessResult:
        """These assets alone, in a run of the job that the UI uses for that."""
        job = definitions_of(str(self.project.root)).resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            run_config=QUIET, instance=self.instance, raise_on_error=False, asset_selection=list(keys)
        )

    def again(self, run_id: str, job: str, *, from_failure: bool = False) -> dg.JobExecutionResult:
        """Re-execute a run of that job, whole or from where it failed, as the UI and run retries do."""
        options = (
            dg.ReexecutionOptions.from_failure(run_id, self.instance)
            if from_failure
            else dg.ReexecutionOptions(parent_run_id=run_id)
        )
        parent = self.instance.get_run_by_id(run_id)
        assert parent is not None
        return dg.execute_job(
            dg.build_reconstructable_job(__name__, "job_of", (str(self.project.root), job)),  # ty: ignore[invalid-argument-type]
            instance=self.instance,
            run_config=parent.run_config,
            reexecution_options=options,
        )

    def drips(self, *arguments: str) -> Started:
        return self._start("dagster_drips", "--project", str(self.project.root), *arguments)

    def dagster(self, job: str) -> Started:
        return self._start("dagster", "job", "execute", "-m", "dagster_drips.definitions", "-j", job)

    def _start(self, *command: str) -> Started:
        return Started([sys.executable, "-m", *command], self.project)

    def accepted(self) -> Counter[str]:
        return Counter(self.server.accepted)

    def new_doubts(self) -> set[str]:
        """Messages that got in doubt since this was asked, once the server and the marts agree on all who were due."""
        assert [message for message, times in self.accepted().items() if times > 1] == []
        with open_warehouse(self.project.warehouse, read_only=True) as warehouse:
            rows = warehouse.rows("select message_id, lower(recipient) as recipient, status from marts.messages")
        assert sorted(_address(row["recipient"]) for row in rows) == sorted(self.people)
        sent = {row["message_id"] for row in rows if row["status"] == "sent"}
        doubts = {row["message_id"] for row in rows if row["status"] == "in_doubt"}
        assert len(sent) + len(doubts) == len(rows)
        assert sent <= set(self.server.accepted) <= sent | doubts
        new = doubts - self.told
        self.told |= doubts
        return new


class Started:
    """A command in a process of its own, in a process group of its own."""

    def __init__(self, command: list[str], project: Project):
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"DRIPS_PROJECT": str(project.root)},
            start_new_session=True,
        )
        self._waits = threading.Event()
        self._out: list[str] = []
        self._err: list[str] = []
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_out, self._read_err)]
        for reader in self._readers:
            reader.start()

    def _read_out(self) -> None:
        assert self._process.stdout is not None
        self._out.extend(self._process.stdout)

    def _read_err(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._err.append(line)
            if "waiting for another run of this project to end" in line:
                self._waits.set()

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def wait_until_it_waits(self) -> None:
        """Until it found another run of the project going on; fails where it never does."""
        assert self._waits.wait(SECONDS), self._err

    def end(self, seconds: float = SECONDS) -> tuple[int, str, str]:
        """Its exit code, stdout and stderr."""
        code = self._process.wait(seconds)
        for reader in self._readers:
            reader.join()
        return code, "".join(self._out), "".join(self._err)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()


def metadata_of(result: dg.ExecuteInProcessResult | dg.JobExecutionResult, key: dg.AssetKey) -> dict[str, Any]:
    failures = [event.step_failure_data.error_display_string for event in result.all_events if event.is_step_failure]
    assert failures == [], "".join(failures)
    [event] = [event for event in result.all_events if event.is_step_materialization and event.asset_key == key]
    metadata = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def _address(recipient: str) -> str:
    return recipient.rpartition("<")[2].rstrip(">")
