"""Putting a file with less in it into the place of one with more, so that a crash leaves one of the two."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dagster_drips.files import sync

_PREFIX = ".forgetting."


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yields where to write the new file; it takes the old one's place, mode and times when the block ends well.

    The scratch file is hidden beside it, where neither loader nor journal looks; one that a crash left is overwritten.
    """
    scratch = path.with_name(_PREFIX + path.name)
    scratch.unlink(missing_ok=True)
    yield scratch
    # The times stay, too: who watches the folder for new files sees none.
    shutil.copystat(path, scratch)
    sync(scratch)
    scratch.replace(path)
    sync(path.parent)


def remove(path: Path) -> None:
    """Delete a file so that it stays deleted after a power cut."""
    path.unlink(missing_ok=True)
    sync(path.parent)
