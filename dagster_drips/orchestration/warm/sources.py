"""What a code location in memory was made of, to tell when it is no longer what lies on disk.

That is the Python files that were imported, the files of the dbt project, and the settings that the definitions read.
Sequences, segments' SQL and landed files are read by each run itself; a segment's file counts here, as it is an asset.
"""

from __future__ import annotations

import hashlib
import os
import sys

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.project import Project


class Sources:
    """What this process has loaded of a project's code location by now.

    Python's files count by time and size, as there are thousands of them, the dbt project's by their content.
    """

    def __init__(self, project: Project):
        self._project = project
        python = {file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
        self._files = [*sorted(python), str(project.root / ".env"), str(project.sequences / "project.yml")]
        self._loaded = self._state()

    def have_changed(self) -> bool:
        """Whether a process that loaded the code location now would load another one."""
        return self._state() != self._loaded

    def _state(self) -> str:
        digest = hashlib.sha256(Transform(self._project).fingerprint.encode())
        for path in self._files:
            digest.update(f"{path}\0{_time_and_size(path)}\0".encode())
        return digest.hexdigest()


def _time_and_size(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116 - of thousands of files, each Path costs more than the question
    except OSError:
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"
