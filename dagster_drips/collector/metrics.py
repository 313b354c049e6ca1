"""What the collector counts, and how it is shown: counters of `prometheus_client`, in Prometheus' text format.

All counters stand here, each with what it counts; counting is up to the modules where it happens. Several workers write
theirs into mapped files of one folder (`shared_by_workers`, the library's multiprocess mode) once a second, and whoever
is asked adds up all of them. A worker that died keeps its counts in the sum: they never fall while the collector runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from dagster_drips.temporaries import COUNTS_PREFIX, owned

PREFIX = "drips_"

_FLUSH_SECONDS = 1.0

_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""`prometheus_client` looks for it as it is imported: where it is set, values lie in files of that folder."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it

# A second sample for every counter, of when it was made: the process' start says as much.
disable_created_metrics()


class Count:
    """One number: counted here, and handed to its counter of `prometheus_client` by `flush`.

    One of the library takes 0.7 µs a count, in a mapped file 2.4 µs and more: up to 5 % of a pixel's request.
    """

    __slots__ = ("_counter", "_pending")

    def __init__(self, counter: Counter):
        self._counter = counter
        self._pending = 0

    def inc(self, amount: int = 1) -> None:
        """Count so many more."""
        self._pending += amount

    def flush(self) -> None:
        """Let what was counted be seen."""
        if self._pending:
            self._counter.inc(self._pending)
            self._pending = 0


class Labelled(dict[str | tuple[str, ...], Count]):
    """Counts by the value of a label, or by the values of several; one is made when it is first asked for."""

    def __init__(self, counter: Counter, counts: list[Count]):
        super().__init__()
        self._counter = counter
        self._counts = counts

    def __missing__(self, labels: str | tuple[str, ...]) -> Count:
        count = self[labels] = Count(self._counter.labels(*((labels,) if isinstance(labels, str) else labels)))
        self._counts.append(count)
        return count


class Metrics:
    """The counts of one process, from its start; for one event loop.

    Labels have few values each, never one that a request may choose freely.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counts: list[Count] = []
        self.landed_rows = self._labelled("landed_rows", "Rows on disk", "kind")
        self.unavailable = self._count("unavailable", "Requests answered 503 as rows could not be kept")
        self.refused_bodies = self._labelled("refused_bodies", "Bodies too large or too slow", "reason")
        self.refused_connections = self._labelled("refused_connections", "Connections closed by a limit", "reason")
        self.bad_tokens = self._labelled("bad_tokens", "Links with a token that is not ours", "link")
        self.views = self._labelled("views", "Messages asked for in a browser", "found")
        self.preferences = self._labelled("wishes", "Unsubscribed, resubscribed and confirmed, as rows", "type")
        self.messages = self._labelled("messages", "Messages taken by the Segment API", "call")
        self.refused_events = self._labelled("refused_events", "Requests refused by the Segment API", "code")
        self.refused_messages = self._count("refused_messages", "Messages of a batch that can't be read")
        self.messages_over_the_ceiling = self._count(
            "messages_over_the_ceiling", "Messages refused for the quota of a page's key"
        )
        self.server_key_in_a_page = self._count("server_key_in_a_page", "Requests of a browser with a server's key")
        self.traits_left_out = self._count("traits_left_out", "Traits that are no fields of a lead")
        self.unreadable_event_times = self._count("unreadable_event_times", "Times of messages that can't be read")
        self.refused_hooks = self._labelled("refused_hooks", "Requests refused by /hooks", "reason")
        self.hook_problems = self._labelled("hook_problems", "Events missed by a hook's rules", "hook")
        self.hooks_without_events = self._labelled("hooks_without_events", "Bodies no rule of a hook fits", "hook")
        self.broken_hooks_files = self._count("broken_hooks_files", "Readings of a hooks.yml with mistakes")
        self.webhook_requests = self._labelled("webhook_requests", "Requests of mail providers", "provider", "outcome")
        self.webhook_events = self._labelled("webhook_events", "Events of mail providers", "provider", "outcome")

    def flush(self) -> None:
        """Let everything that was counted be seen."""
        for count in self._counts:
            count.flush()

    @contextlib.asynccontextmanager
    async def flushed(self) -> AsyncGenerator[None]:
        """Flush once a second, so that other workers see it, and at the end."""
        task = asyncio.create_task(self._flush_often())
        try:
            yield
        finally:
            task.cancel()
            self.flush()

    def text(self) -> bytes:
        """What was flushed in Prometheus' text format, version 0.0.4; of all workers, where there are several."""
        registry = self.registry
        if folder := os.environ.get(_FOLDER_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry, folder)
        return generate_latest(registry)

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self.flush()

    def _count(self, name: str, what: str) -> Count:
        count = Count(Counter(PREFIX + name, what, registry=self.registry))
        self._counts.append(count)
        return count

    def _labelled(self, name: str, what: str, *labels: str) -> Labelled:
        return Labelled(Counter(PREFIX + name, what, labels, registry=self.registry), self._counts)


@contextlib.contextmanager
def shared_by_workers() -> Generator[None]:
    """Let processes that are started in the block count together; this one must not count.

    The folder lies in memory where the system has such a place: a mapped file on a full disk ends who writes to it.
    """
    place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix=COUNTS_PREFIX, dir=place) as folder, owned(Path(folder)):
        os.environ[_FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER_VARIABLE]
