"""Staged files that a dead writer left behind: what was acknowledged in them becomes visible to the loader.

Their last line may be torn; it was not acknowledged, so it goes. A living writer's files are locked and left alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from dagster_drips.landing.writer.staged_file import PART, publish, try_lock
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

_HIDDEN = f".collected-*.jsonl{PART}"
_BLOCK = 64 * 1024


def complete_staged_files(project: Project) -> int:
    """Give the staged files of dead writers their final names; how many. Those that fail are left for the next time."""
    return sum(_completed(path) for path in staged_files(project))


def staged_files(project: Project) -> list[Path]:
    """The hidden files, of living writers and dead ones."""
    folders = [project.landing / kind for kind in LANDING_KINDS]
    folders += [folder for folder in (project.landing / "raw").glob("*") if folder.is_dir()]
    return [path for folder in folders for path in sorted(folder.glob(_HIDDEN))]


def _completed(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not try_lock(descriptor, path):
            return False
        whole = _end_of_last_line(descriptor)
        os.ftruncate(descriptor, whole)
        os.fsync(descriptor)
        publish(path.parent, path.name[1:].removesuffix(PART), is_empty=whole == 0)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _end_of_last_line(descriptor: int) -> int:
    end = os.fstat(descriptor).st_size
    while end > 0:
        begin = max(0, end - _BLOCK)
        found = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
