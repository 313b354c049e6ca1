"""The fields that leads of a project have already, as the collector may know them: by two small files.

`fields:` of `sequences/project.yml` declares some, and each tick publishes the columns of leads beside the marts. The
warehouse is not opened here. Which new ones a write key may bring in is `identities`' matter.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dagster_drips.field_names import same_field
from dagster_drips.project import Project
from dagster_drips.sequences.yaml_source import YamlDocument, read_yaml

_LOOK_SECONDS = 1.0


class KnownFields:
    """A project's fields; the files are read again as soon as they change. For one event loop.

    A file that can't be read adds nothing: the fields known before stay known.
    """

    def __init__(self, project: Project):
        self._files: dict[Path, Callable[[bytes], Any]] = {
            project.sequences / "project.yml": _declared,
            project.published_fields: json.loads,
        }
        self._seen: dict[Path, tuple[int, int]] = {}
        self._names: set[str] = set()
        self._looked = float("-inf")

    def __contains__(self, name: str) -> bool:
        now = time.monotonic()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            for path, read in self._files.items():
                self._look(path, read)
        return same_field(name) in self._names

    def _look(self, path: Path, read: Callable[[bytes], Any]) -> None:
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
            if self._seen.get(path) == state:
                return
            self._seen[path] = state
            self._names |= {same_field(str(name)) for name in read(path.read_bytes())}
        except (OSError, ValueError, TypeError, RecursionError):
            return


def _declared(content: bytes) -> list[str]:
    found = read_yaml(content)
    settings = found.data if isinstance(found, YamlDocument) else None
    fields = settings.get("fields") if isinstance(settings, dict) else None
    return list(fields) if isinstance(fields, dict) else []
