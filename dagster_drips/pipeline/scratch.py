"""A folder for throw-away warehouses, which goes with its process.

Where it lies belongs here; what is done in it is its askers' matter.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dagster_drips.landing.files import landing_files
from dagster_drips.project import Project
from dagster_drips.temporaries import REPLAY_PREFIX, owned

_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it come from mkdtemp
_MEMORY_TO_SPARE = 2 << 30


@contextmanager
def scratch_folder(project: Project | None) -> Generator[Path]:
    """A folder for throw-away warehouses as large as this project's (None: small ones); it goes with its process."""
    with (
        tempfile.TemporaryDirectory(prefix=REPLAY_PREFIX, dir=_scratch_parent(project)) as scratch,
        owned(Path(scratch)),
    ):
        yield Path(scratch)


def _scratch_parent(project: Project | None) -> Path | None:
    """Where the throw-away warehouse goes: into memory where there is plenty, since nothing in it needs to survive.

    A tick commits some forty times, and a disk that keeps its promises makes every commit wait.
    """
    landed = sum(file.size for file in landing_files(project)) if project else 0
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < 20 * landed + _MEMORY_TO_SPARE:
        return None
    return _MEMORY
