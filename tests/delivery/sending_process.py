"""Sending runs in processes of their own, so that tests can kill them; arguments: ROOT URL CONNECTIONS [SHARDS].

Each line on stdin starts one, forked from this process, which has imported everything and opened nothing: a start
costs as little as it can. Its process id and then how it ended go to stdout, a line each. With shards each run is a
group of processes, however few messages are left.
"""

import contextlib
import os
import sys
from datetime import datetime
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.delivery import sharing
from dagster_drips.delivery.dispatch import dispatch
from dagster_drips.errors import DripsError
from dagster_drips.locks import exclusive
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse import open_warehouse, warehouse_of

AS_OF = datetime(2026, 3, 2, 9, 0)


def send(project: Project, url: str, connections: int, shards: int) -> None:
    """What a run's send step does: one at a time, the warehouse opened for it."""
    settings = Settings(smtp_url=url, smtp_connections=connections, send_shards=shards)
    with exclusive(project.data / "run.lock", wait_seconds=60), open_warehouse(warehouse_of(project)) as warehouse:
        dispatch(project, warehouse, settings, as_of=AS_OF, now=utc_now)


def forked(project: Project, url: str, connections: int, shards: int) -> int:
    """The process id of a new run."""
    process = os.fork()
    if process:
        with contextlib.suppress(PermissionError, ProcessLookupError):  # it has begun, or ended, before
            os.setpgid(process, process)
        return process
    status = 2
    os.setpgid(0, 0)
    with contextlib.suppress(BaseException):
        try:
            send(project, url, connections, shards)
            status = 0
        except DripsError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            status = 1
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)
    os._exit(status)


if __name__ == "__main__":
    place, address, size = Project.at(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    parts = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    sharing.LEAST_MESSAGES = 1
    for _ in sys.stdin:
        run = forked(place, address, size, parts)
        print(run, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(run, 0)[1]), flush=True)
