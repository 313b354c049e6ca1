"""The topics that sequences are about, for the preference page.

Read from the sequence files as they are now; a file that can't be read has no topics here: reporting it is up to
`drips validate`, not to a reader's page.
"""

from __future__ import annotations

import threading
from pathlib import Path

from dagster_drips.project import Project
from dagster_drips.sequences.yaml_source import YamlDocument, read_yaml, written_text

_SILENT = ("draft", "archived")


class Topics:
    """A project's topics; files are read again only when they change. For any thread."""

    def __init__(self, project: Project):
        self._folder = project.sequences
        self._known: dict[Path, tuple[tuple[int, int], str | None]] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Topics of sequences that send or may send again, sorted."""
        with self._lock:
            self._known = {path: self._read(path) for path in self._folder.glob("*/sequence.yml")}
            return sorted({topic for _, topic in self._known.values() if topic})

    def _read(self, path: Path) -> tuple[tuple[int, int], str | None]:
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
            if path in self._known and self._known[path][0] == state:
                return self._known[path]
            found = read_yaml(path.read_bytes())
        except OSError:
            return (0, 0), None
        return state, _topic(found.data) if isinstance(found, YamlDocument) else None


def _topic(definition: object) -> str | None:
    if not isinstance(definition, dict) or definition.get("status", "draft") in _SILENT:
        return None
    # Readers can't unsubscribe from transactional sequences (L3).
    if definition.get("transactional") is True:
        return None
    return written_text(definition.get("topic")) or None
