"""Which segments a project has: one a SQL file in `dbt_project/models/segments`.

The one list, for checking sequence files and for dbt. What belongs here is which files count; what their SQL says is
`segment_check`'s and dbt's.
"""

from __future__ import annotations

import re
from pathlib import Path

from dagster_drips.project import Project

_NAME = re.compile(r"[\w-]+")


def segment_names(project: Project) -> list[str]:
    """The segments that the project has, sorted."""
    return [path.stem for path in segment_files(project) if _NAME.fullmatch(path.stem)]


def unnameable_segments(project: Project) -> list[str]:
    """Files among the segments whose names can't stand in SQL, without their ending."""
    return [path.stem for path in segment_files(project) if not _NAME.fullmatch(path.stem)]


def segment_files(project: Project) -> list[Path]:
    """The files that dbt reads too, sorted by name.

    Without what editors leave (`.#x.sql`, `#x.sql`, `~x.sql`), folders, and links that lead nowhere.
    """
    files = [path for path in project.segments.glob("*.sql") if path.name[0] not in ".#~" and path.is_file()]
    return sorted(files, key=lambda path: path.stem)
