"""Whether files have landed since a tick, seen cheaply: for a process that looks every second.

A file that is put or renamed into a folder changes the folder's own time, so folders are asked first, a handful of
them. Whether what has landed in one asks for a tick is `landing_news`'s word, as for Dagster's sensor. What a change of
a file in its place does is for the tick by the schedule to find.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from dagster_drips.pipeline.in_bucket import fetch_to_look
from dagster_drips.pipeline.landing_news import LandingWatch
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

_COARSE_SECONDS = 0.02
"""A file system's clock: two changes nearer to each other may give a folder the same time."""


class Landed:
    """What lies in a project's landing folders, as a tick last took it."""

    def __init__(self, project: Project):
        self._project = project
        self._watch = LandingWatch(project)
        self._folders: dict[str, int] = {}
        self._digest: str | None = None

    def take(self) -> None:
        """From here on, what lies there now is known. To be called right before it is loaded."""
        self._folders = self._settled()
        self._digest = self._watch.look(self._digest).digest

    def is_new(self) -> bool:
        """Whether something has landed since that asks for a tick."""
        fetch_to_look(self._project)  # what stands in the way of it the next tick tells
        if self._times() == self._folders:
            return False
        folders = self._settled()
        news = self._watch.look(self._digest)
        if news.is_urgent:
            return True
        # A temporary name, something that nobody reads, or what waits for the schedule.
        self._folders, self._digest = folders, news.digest
        return False

    def _settled(self) -> dict[str, int]:
        """The folders' times, when the last change of one is older than the clock that times are taken from."""
        while True:
            found = self._times()
            newest = max(found.values(), default=0) / 1e9
            if not 0 <= time.time() - newest < _COARSE_SECONDS:
                return found
            time.sleep(_COARSE_SECONDS)

    def _times(self) -> dict[str, int]:
        """When each folder of a kind, and those below it, last changed; one that did not is not looked into."""
        found = {}
        for folder in {*self._folders, *(str(self._project.landing / kind) for kind in LANDING_KINDS)}:
            with suppress(OSError):
                found[folder] = _changed_at(folder)
                if self._folders.get(folder) != found[folder]:
                    found |= {place: _changed_at(place) for place, _, _ in os.walk(folder)}
        return found


def _changed_at(folder: str) -> int:
    return Path(folder).stat().st_mtime_ns
