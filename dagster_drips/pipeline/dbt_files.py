"""Which files dbt reads of its project: what a person sees there, and no more.

dbt stops at a link that leads nowhere, and an editor's lock is one (`.#x.sql`): whoever has a file open must not stop
the ticks. What belongs here is that one listing. What does not: which segments there are (`sequences.segment_files`).
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def find_matching(
    root_path: str, relative_paths_to_search: Sequence[str], file_pattern: str, ignore_spec: Any = None
) -> list[dict[str, Any]]:
    """What dbt's function of this name finds, without hidden files and links that lead nowhere."""
    matches = re.compile(fnmatch.translate(file_pattern), re.IGNORECASE).match
    found = []
    for searched in relative_paths_to_search:
        top = Path(os.path.normpath(root_path)) / searched
        for folder, _, files in os.walk(top):
            for path in (Path(folder) / name for name in files):
                if path.name.startswith(".") or not matches(path.name) or not path.is_file():
                    continue
                relative = path.relative_to(top)
                if not ignore_spec or not ignore_spec.match_file(str(Path(searched) / relative)):
                    found.append(
                        {
                            "searched_path": searched,
                            "absolute_path": str(path),
                            "relative_path": str(relative),
                            "modification_time": path.stat().st_mtime,
                        }
                    )
    return found


@contextmanager
def seen_files_only() -> Generator[None]:
    """Inside it dbt, in this process, lists its files so."""
    from dbt.parser import search

    original = search.find_matching
    search.find_matching = find_matching
    try:
        yield
    finally:
        search.find_matching = original
