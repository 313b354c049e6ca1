"""Which files dbt reads of its project: those that are there.

dbt stops at a link that leads nowhere, in whichever folder: one segment without its file must not stop the ticks (E5).
What belongs here is that one listing. What does not: which segments there are (`sequences.segment_files`).
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def existing_files_only() -> Generator[None]:
    """Inside it dbt, in this process, lists no file that is not there."""
    from dbt.parser import search

    original = search.find_matching
    search.find_matching = _find_matching
    try:
        yield
    finally:
        search.find_matching = original


def _find_matching(
    root_path: str, relative_paths_to_search: Sequence[str], file_pattern: str, ignore_spec: Any = None
) -> list[dict[str, Any]]:
    """As dbt's function of this name, which asks for the time of a file before it asks whether the file is ignored."""
    matches = re.compile(fnmatch.translate(file_pattern), re.IGNORECASE).match
    root = Path(os.path.normpath(root_path))
    paths = [
        (searched, Path(folder, name))
        for searched in relative_paths_to_search
        for folder, _, names in os.walk(root / searched)
        for name in names
        if matches(name)
    ]
    return [
        {
            "searched_path": searched,
            "absolute_path": str(path),
            "relative_path": str(path.relative_to(root / searched)),
            "modification_time": path.stat().st_mtime,
        }
        for searched, path in paths
        if path.is_file() and not (ignore_spec and ignore_spec.match_file(path.relative_to(root)))
    ]
