"""The mail sink in a process of its own, so that the demo's two sides use a core each.

`python -m dagster_drips.demo.sink_process FOLDER` tells its address as one line on stdout and ends with its stdin: it
never outlives whoever started it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dagster_drips.errors import DripsError


@contextmanager
def mail_sink(folder: Path) -> Generator[str]:
    """A running sink that keeps its mail in `folder`; yields its SMTP URL.

    Raises:
        DripsError: it didn't start.
    """
    command = [sys.executable, "-m", __name__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise DripsError("the demo's mail server didn't start; what it said stands above")
            yield url
        finally:
            if process.stdin:
                process.stdin.close()


def _serve(folder: Path) -> None:
    from dagster_drips.smtp.sink import MailSink

    # An interrupt at the terminal reaches the whole group; this process ends when its parent is done with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with MailSink(folder) as sink:
        print(sink.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
