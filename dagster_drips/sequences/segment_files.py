"""Which segments a project has: one a SQL file in its folder of segments, or those of its models that have a tag.

The one list, for checking sequence files and for dbt. What belongs here is which files count; what their SQL says is
`segment_check`'s and dbt's. Which models have a tag dbt alone can tell: what its last parse said is kept here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from dagster_drips.files import atomic_write
from dagster_drips.project import Project

_NAME = re.compile(r"[\w-]+")
_TAGGED = "segments.json"
"""Beside what dbt parsed: the files of the models that have the tag."""


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
    if project.layout.tag:
        files = [project.dbt / path for path in tagged_files(project) or ()]
    else:
        files = [path for path in project.segments.glob("*.sql") if path.name[0] not in ".#~"]
    return sorted((path for path in files if path.is_file()), key=lambda path: path.stem)


def segment_path(project: Project, name: str) -> str:
    """The file of a segment, below the dbt project; where there is none, that which it would have."""
    if project.layout.tag:
        paths = {Path(path).stem: path for path in tagged_files(project) or ()}
        return paths.get(name) or (project.segments / f"{name}.sql").relative_to(project.dbt).as_posix()
    return f"{project.layout.segments}/{name}.sql"


def tagged_files(project: Project) -> list[str] | None:
    """Files of the models that had the tag of segments when dbt last read them; None where it has not."""
    try:
        return json.loads((project.dbt_target / _TAGGED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep_tagged_files(project: Project, files: Iterable[str]) -> bool:
    """Keep them, as paths below the dbt project; whether that changed."""
    found = sorted(files)
    if tagged_files(project) == found:
        return False
    atomic_write(project.dbt_target / _TAGGED, json.dumps(found).encode())
    return True
