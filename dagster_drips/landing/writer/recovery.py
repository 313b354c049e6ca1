"""Landing files that a dead writer left behind: what was promised in them becomes visible to the loader.

Their last line may be torn; nobody was told that it is kept, so it goes. A living writer's files are locked and are
left alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from dagster_drips.landing.writer.staged_file import PART, is_ours, publish
from dagster_drips.project import LANDING_KINDS, Project

_HIDDEN = f".collected-*.jsonl{PART}"
_BLOCK = 64 * 1024


def take_over(project: Project) -> int:
    """Give their final names to all files of dead writers; how many. What can't be settled now is left for later."""
    return sum(_settled(path) for path in growing_files(project))


def growing_files(project: Project) -> list[Path]:
    """The files under their hidden names, of living writers and dead ones."""
    folders = [project.landing / kind for kind in LANDING_KINDS]
    folders += [folder for folder in (project.landing / "raw").glob("*") if folder.is_dir()]
    return [path for folder in folders for path in sorted(folder.glob(_HIDDEN))]


def _settled(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not is_ours(descriptor, path):
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
