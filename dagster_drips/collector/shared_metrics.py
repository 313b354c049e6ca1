"""The counts of several workers as one: each writes its own every second, whoever is asked for them adds all up.

A worker that died keeps its counts in the sum, so that they never fall while the collector runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import msgspec

from dagster_drips.collector.metrics import Counters

_SECONDS = 1.0


class SharedCounters:
    """One worker's counters, in a folder with the others'.

    Args:
        counters: this worker's.
        folder: of all workers, from `folder()`.
    """

    def __init__(self, counters: Counters, folder: str | Path):
        self._counters = counters
        self._folder = Path(folder)
        self._own = self._folder / f"{os.getpid()}.json"

    @staticmethod
    @contextlib.contextmanager
    def folder() -> Generator[Path]:
        """A folder for as long as the workers live."""
        with tempfile.TemporaryDirectory(prefix="drips-collect-") as name:
            yield Path(name)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """Write the counts every second."""
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            task.cancel()
            self._write()

    def text(self) -> str:
        """All workers' counts in Prometheus' text format."""
        self._write()
        total = Counters()
        for path in sorted(self._folder.glob("*.json")):
            for name, labels, count in msgspec.json.decode(path.read_bytes()):
                total.add(name, count, **dict(labels))
        return total.text()

    async def _keep(self) -> None:
        while True:
            self._write()
            await asyncio.sleep(_SECONDS)

    def _write(self) -> None:
        # Metrics are worth less than the requests that they count: without room they are not written.
        with contextlib.suppress(OSError):
            scratch = self._own.with_suffix(".part")
            scratch.write_bytes(msgspec.json.encode(self._counters.counts()))
            scratch.replace(self._own)
