"""Messages as pages, each rendered by a process of its own (`view_message`), so that the collector stays small.

Rendering wants parquet readers and templates that an author wrote; here they can take neither the collector's memory
nor its time. What is kept at hand is shown only as long as nothing was published or forgotten since: it must not
outlive a person's erasure.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections import OrderedDict
from pathlib import Path

from dagster_drips.project import Project

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
_AT_ONCE = 2
_WAITING = 20
_SECONDS = 20.0
_MOST_BYTES = 8_000_000
_KEPT_BYTES = 16_000_000


class Viewer:
    """Renders a project's messages, a few at once, and keeps the last ones at hand. For one event loop."""

    def __init__(self, project: Project):
        self._project = project
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._asked = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._sources: tuple[Path, ...] = (
            *(project.published_set / name for name in ("messages.parquet", "lead_profiles.parquet", "manifest.json")),
            *(project.journal / name for name in ("forgotten.jsonl", "forgetting.json")),
        )
        self._state = self._state_now()

    async def html(self, message_id: str) -> bytes | None:
        """The message's HTML in UTF-8; None where it can't be rendered, is too large, or too many are asked for."""
        state = self._state_now()
        if state != self._state:
            self._state, self._size = state, 0
            self._kept.clear()
        if message_id in self._kept:
            self._kept.move_to_end(message_id)
            return self._kept[message_id]
        if not _MESSAGE_ID.fullmatch(message_id) or self._asked >= _WAITING:
            return None
        self._asked += 1
        try:
            async with self._turn:
                html = await self._rendered(message_id)
        finally:
            self._asked -= 1
        # What was rendered while something was published or forgotten is shown once, if at all, and not kept.
        if html is not None and state == self._state_now():
            self._keep(message_id, html)
        return html

    def _state_now(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Changes whenever one of the files is replaced, comes or goes."""
        found: list[tuple[int, int, int] | None] = []
        for path in self._sources:
            try:
                status = path.stat()
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
            except OSError:
                found.append(None)
        return tuple(found)

    async def _rendered(self, message_id: str) -> bytes | None:
        command = (
            sys.executable,
            "-m",
            "dagster_drips.collector.links.view_message",
            str(self._project.root),
            message_id,
        )
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                assert process.stdout is not None
                output = bytearray()
                while len(output) <= _MOST_BYTES and (piece := await process.stdout.read(_MOST_BYTES)):
                    output += piece
                if len(output) > _MOST_BYTES:
                    return None
                await process.wait()
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return bytes(output) if process.returncode == 0 else None

    def _keep(self, message_id: str, html: bytes) -> None:
        self._kept[message_id] = html
        self._size += len(html)
        while self._size > _KEPT_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])
