"""Progress of long work: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress_of(title: str, total: int) -> Generator[Callable[[str], None]]:
    """Yields what to call after each of `total` pieces of work, with a word on it."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title, total=total, note="")
            yield lambda note: bar.update(task, advance=1, note=note)
        return
    done = 0
    last = time.monotonic()

    def advance(note: str) -> None:
        nonlocal done, last
        done += 1
        if done == total or time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{title} {done}/{total} {note}", file=sys.stderr, flush=True)

    yield advance
