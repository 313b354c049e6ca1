"""Rows into landing files, so that what was answered is on disk for good.

Requests submit their rows and wait; one thread writes what has gathered, syncs once and answers them all (group
commit). A file is staged (hidden and locked) while it is written, and gets its final name when it is old or large
enough, so the loader sees complete files only. Staged files of dead processes are completed in `recovery`; which rows
are landed, and under which idempotency keys, is up to the callers.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from dagster_drips.clock import format_time
from dagster_drips.landing.writer.recovery import complete_staged_files
from dagster_drips.landing.writer.staged_file import NameMaker, StagedFile
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

RAW = "raw"
"""The folder beside the kinds that holds what came in as it came; the loader does not read it."""

Row = Mapping[str, Any] | msgspec.Raw
"""JSON values by column, or the same as JSON text on one line."""

_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_MAX_BYTES = 8 * 1024 * 1024
_MAX_AGE_SECONDS = 1.0
_GATHER_SECONDS = 0.002
_TIMEOUT_SECONDS = 5.0
_MAX_WAITING_BYTES = 32 * 1024 * 1024
_PIECE = 1024 * 1024
_RECOVERY_SECONDS = 60.0


class LandingUnavailable(Exception):
    """Rows can't be kept now: the disk is full, broken or too slow. The request may be repeated later."""


class _Call:
    """The rows of one `land`, and who waits for them."""

    __slots__ = ("answer", "lines", "size")

    def __init__(self, lines: dict[str, bytes], answer: asyncio.Future[None]):
        self.lines = lines
        self.size = sum(map(len, lines.values()))
        self.answer = answer


class _Batch:
    """What waits together in one event loop, with one timer for all of it."""

    __slots__ = ("calls", "loop", "timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float):
        self.loop = loop
        self.calls: list[_Call] = []
        slow = LandingUnavailable("the disk is too slow")
        self.timer = loop.call_later(timeout, self.answer, slow)

    def answer(self, error: Exception | None) -> None:
        """Answer all that still wait; in the loop's own thread."""
        self.timer.cancel()
        for call in self.calls:
            if not call.answer.done():
                call.answer.set_result(None) if error is None else call.answer.set_exception(copy.copy(error))


@dataclass
class _Queue:
    """What waits for the writing thread; guarded by `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    batches: dict[asyncio.AbstractEventLoop, _Batch] = field(default_factory=dict)
    size: int = 0
    closing: bool = False


class LandingWriter:
    """Writes rows into `data/landing/<kind>/*.jsonl`.

    Any number of writers, in any number of processes, may work on one project.

    Args:
        project: whose landing folders.
        max_bytes: a file that is as large gets its final name.
        max_age_seconds: so long after its first row, too.
        timeout_seconds: how long a call waits for a slow disk.
        gather_seconds: how long the thread lets calls gather before it writes them.
    """

    def __init__(
        self,
        project: Project,
        *,
        max_bytes: int = _MAX_BYTES,
        max_age_seconds: float = _MAX_AGE_SECONDS,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        gather_seconds: float = _GATHER_SECONDS,
    ):
        self._project = project
        self._max_bytes = max_bytes
        self._max_age = max_age_seconds
        self._timeout = timeout_seconds
        self._gather = gather_seconds
        self._queue = _Queue()
        self._thread: threading.Thread | None = None
        self._files: dict[str, StagedFile] = {}
        self._files_lock = threading.Lock()
        self._names = NameMaker()

    async def land(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Keep rows, all or none of them.

        Args:
            rows: kind of landing folder → rows of JSON values.

        Raises:
            LandingUnavailable: they are not kept for sure; answer 503.
        """
        lines = _encoded(rows)
        if not lines:
            return
        loop = asyncio.get_running_loop()
        call = _Call(lines, loop.create_future())
        self._submit(call, loop)
        await call.answer

    def land_now(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """The same for commands: blocks, and the files have their final names afterwards.

        Raises:
            LandingUnavailable: they are not kept for sure.
        """
        lines = _encoded(rows)
        if not lines:
            return
        with self._files_lock:
            error = self._write([lines])
            self._finish_files()
        if error is not None:
            raise error

    async def keep_raw(self, source: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep a request as it came, in `data/landing/raw/<source>/`; headers that hold secrets are left out.

        Args:
            source: who sent it, such as a provider's name.
            body: kept as base64.
            headers: by name.

        Raises:
            LandingUnavailable: it is not kept for sure; answer 503.
        """
        if not _SOURCE.fullmatch(source):
            raise ValueError(f"not a name for a source: {source!r}")
        row = {
            "received_at": format_time(datetime.now(UTC)),
            "headers": {name: value for name, value in headers.items() if name.lower() not in _SECRET_HEADERS},
            "body": base64.b64encode(body).decode("ascii"),
        }
        await self.land({f"{RAW}/{source}": [row]})

    def complete_staged_files(self) -> int:
        """Give the staged files of dead writers their final names; how many."""
        return complete_staged_files(self._project)

    def close(self) -> None:
        """Write what waits, give every file its final name, and end the thread."""
        with self._queue.changed:
            self._queue.closing = True
            self._queue.changed.notify()
        if self._thread is not None:
            self._thread.join()
        with self._files_lock:
            self._finish_files()

    def _submit(self, call: _Call, loop: asyncio.AbstractEventLoop) -> None:
        queue = self._queue
        with queue.changed:
            if queue.closing:
                raise LandingUnavailable("the collector is stopping")
            if queue.size + call.size > _MAX_WAITING_BYTES:
                raise LandingUnavailable("too much waits for the disk")
            queue.size += call.size
            batch = queue.batches.get(loop)
            if batch is None:
                batch = queue.batches[loop] = _Batch(loop, self._timeout)
                queue.changed.notify()
            batch.calls.append(call)
            # Started with the first row, and anew should a bug have ended it: rows must not wait for nobody.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="landing-writer", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        recovered_at = float("-inf")
        while True:
            batches, closing, size = self._next_batches()
            # Calls that have timed out, or whose client is gone, were not acknowledged.
            lines = [call.lines for batch in batches for call in batch.calls if not call.answer.done()]
            with self._files_lock:
                error = self._write(lines) if lines else None
                del lines
                for batch in batches:
                    with contextlib.suppress(RuntimeError):  # its loop has ended, and nobody waits
                        batch.loop.call_soon_threadsafe(batch.answer, error)
                self._finish_files(older_than=time.monotonic() - self._max_age)
            with self._queue.changed:
                self._queue.size -= size
            if closing and not batches:
                return
            del batches
            if time.monotonic() - recovered_at > _RECOVERY_SECONDS:
                recovered_at = time.monotonic()
                self.complete_staged_files()

    def _next_batches(self) -> tuple[list[_Batch], bool, int]:
        """What waits and how many bytes it is, as soon as something does or a file is old enough."""
        queue = self._queue
        with queue.changed:
            if not queue.batches and not queue.closing:
                queue.changed.wait(self._until_next_finish())
            waiting, closing = bool(queue.batches), queue.closing
        if waiting and not closing:
            time.sleep(self._gather)
        with queue.changed:
            batches = list(queue.batches.values())
            # What is being written still waits, as far as memory goes.
            size = queue.size
            queue.batches = {}
        return batches, closing, size

    def _until_next_finish(self) -> float:
        begun = [file.begun for file in list(self._files.values())]
        if not begun:
            return _RECOVERY_SECONDS
        return max(0.01, min(begun) + self._max_age - time.monotonic())

    def _write(self, calls: list[dict[str, bytes]]) -> LandingUnavailable | None:
        """Write and sync all, or return why not: then no file holds more than was acknowledged before."""
        pieces: dict[str, list[bytes]] = {}
        for call in calls:
            for kind, lines in call.items():
                pieces.setdefault(kind, []).append(lines)
        touched: list[str] = []
        try:
            for kind, lines in pieces.items():
                if kind not in self._files:
                    self._files[kind] = StagedFile.create(self._project.landing / kind, self._names)
                touched.append(kind)
                for piece in _joined(lines):
                    self._files[kind].write(piece)
            for kind in touched:
                self._files[kind].sync()
        except OSError as error:
            for kind in touched:
                if not self._files[kind].roll_back():
                    self._files.pop(kind).abandon()
            return LandingUnavailable(f"the landing folder can't be written: {error.strerror or error}")
        for kind in touched:
            self._files[kind].commit()
            if self._files[kind].size >= self._max_bytes:
                self._finish(kind)
        return None

    def _finish_files(self, *, older_than: float | None = None) -> None:
        for kind, file in list(self._files.items()):
            if older_than is None or file.begun <= older_than:
                self._finish(kind)

    def _finish(self, kind: str) -> None:
        # A file that can't get its name now is left for the next recovery.
        file = self._files.pop(kind)
        try:
            file.finish()
        except OSError:
            file.abandon()


def _joined(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The same in pieces of a size that is good to write."""
    waiting: list[bytes] = []
    size = 0
    for one in lines:
        waiting.append(one)
        size += len(one)
        if size >= _PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _encoded(rows: Mapping[str, Sequence[Row]]) -> dict[str, bytes]:
    for kind in rows:
        if kind not in LANDING_KINDS and not kind.startswith(f"{RAW}/"):
            raise ValueError(f"not a kind of landing file: {kind!r}")
    lines = {kind: b"".join([msgspec.json.encode(row) + b"\n" for row in given]) for kind, given in rows.items()}
    return {kind: of_kind for kind, of_kind in lines.items() if of_kind}
