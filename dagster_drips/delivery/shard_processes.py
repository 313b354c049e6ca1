"""A batch sent by processes of this machine: started, attended to, waited for, and what they came to put together.

The process that starts them keeps the warehouse and asks it who must not get mail any more. Where it is killed, the
others notice within a second, and end what they have begun.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import datetime

from dagster_drips.delivery.batch import Batch, add_outcomes
from dagster_drips.delivery.dispatch_report import DispatchReport
from dagster_drips.delivery.ingestion import ingest_deliveries
from dagster_drips.delivery.refusals import AskedRefusals
from dagster_drips.delivery.shard_worker import Orders
from dagster_drips.delivery.shards import split
from dagster_drips.delivery.shared_refusals import attend
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.smtp.deadlines import Deadlines
from dagster_drips.warehouse.port import Warehouse

_ENDING_SECONDS = 10.0


def send_in_processes(
    project: Project,
    warehouse: Warehouse,
    settings: Settings,
    refusals: AskedRefusals,
    report: DispatchReport,
    shards: int,
    *,
    as_of: datetime,
    now: Callable[[], datetime],
    progress: Callable[[int, int], None] | None,
    deadlines: Deadlines,
) -> None:
    """Send what is in the table `sending` by so many processes; what became of it is added to the report.

    Args:
        project: where the journal lies.
        warehouse: `open` of due_messages.sql was run on it.
        settings: of all processes together.
        refusals: of the warehouse.
        report: of what is due.
        shards: how many processes.
        as_of: the tick's instant.
        now: the time to record, naive UTC.
        progress: called now and then with `(done, due)`.
        deadlines: how long servers are waited for.

    Raises:
        DripsError: a process could not send, as `dispatch` has it; what the others sent is in the journal.
    """
    batch = split(project, warehouse, report, shards, as_of=as_of, now=now)
    told = -1

    def is_over() -> bool:
        nonlocal told
        done = batch.counts().total()
        if progress and done != told:
            progress(done, report.due)
            told = done
        return all(process.poll() is not None for process in processes)

    try:
        # Attending ends first: those of a run that is interrupted end what they have begun, and claim no more.
        with _started(project, batch, shards, Orders(settings, deadlines)) as processes, batch.attended():
            attend(batch, refusals, is_over)
        errors = add_outcomes(batch, report, [_end_of(process.returncode) for process in processes])
    finally:
        batch.take_away()
    if errors:
        raise DripsError(errors[0])
    settled = ingest_deliveries(project, warehouse, now=now, resend=settings.in_doubt == "resend")
    report.in_doubt += settled.settled_in_doubt  # of processes that were killed


@contextmanager
def _started(project: Project, batch: Batch, shards: int, orders: Orders) -> Generator[list[subprocess.Popen[bytes]]]:
    """A process a shard; none of them lives when this ends."""
    processes: list[subprocess.Popen[bytes]] = []
    # -P: what lies in the current folder is no module of ours.
    command = [sys.executable, "-P", "-m", "dagster_drips.delivery.shard_worker", str(project.root), str(batch.folder)]
    try:
        for shard in range(shards):
            process = subprocess.Popen([*command, str(shard)], stdin=subprocess.PIPE, stdout=2)
            processes.append(process)
            if process.stdin is not None:
                with suppress(BrokenPipeError), process.stdin:
                    process.stdin.write(pickle.dumps(orders))
        yield processes
    finally:
        for process in processes:
            try:
                process.wait(_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()


def _end_of(status: int) -> str:
    how = f"signal {-status}" if status < 0 else f"exit code {status}"
    return f"its process was ended ({how}); what it had not sent stays due"
