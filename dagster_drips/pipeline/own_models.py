"""A project's own models, as dbt is told of them: which segments there are, and which files it is not to read.

Here belong the files that say it, and which files of a dbt project are such models. Reading and running them is
`dbt_runner`'s; which of them can't be read, `segments`'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dagster_drips.files import atomic_write
from dagster_drips.pipeline.dbt_mirror import HIDDEN_HEAD, IGNORED, SEGMENT_LIST
from dagster_drips.project import Project
from dagster_drips.sequences.segment_files import tagged_files

_SEGMENT_LIST_HEAD = (
    "{#- Made by ticks, replays and `drips validate` from the files in models/segments; don't edit. -#}\n"
)


def is_own_model(project: Project) -> Callable[[str], bool]:
    """Tells of a path below the dbt project whether it is of a segment, content or intake, or says which there are.

    What such a file says is journaled (E1, M9) or landed by the time that it counts: it makes no table that ticks keep.
    """
    layout = project.layout
    tagged = frozenset(tagged_files(project) or ()) if layout.tag else frozenset()
    places = (None if layout.tag else layout.segments, layout.content, layout.intake)
    folders = tuple(f"{folder}/" for folder in places if folder)
    said = frozenset({SEGMENT_LIST.as_posix(), IGNORED})
    return lambda path: path.startswith(folders) or path in tagged or path in said


def write_segment_list(project: Project, segments: Sequence[str]) -> bool:
    """Tell dbt which segments there are, since it can't list a folder while it parses; returns whether that changed."""
    path = project.dbt_work / SEGMENT_LIST
    names = ", ".join(f"'{name}'" for name in segments)
    macro = f"{{% macro default__segment_names() -%}}\n    {{{{ return([{names}]) }}}}\n{{%- endmacro %}}\n"
    text = f"{_SEGMENT_LIST_HEAD}{macro}"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    atomic_write(path, text.encode())
    return True


def hide_models(project: Project, paths: Sequence[str]) -> bool:
    """Keep dbt from reading these files below its project, and let it read all others; whether that changed.

    What else stands in `.dbtignore` stays there.
    """
    path = project.dbt_work / IGNORED
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    others = before.split(HIDDEN_HEAD)[0]
    ours = HIDDEN_HEAD + "".join(f"{_pattern(path)}\n" for path in paths) if paths else ""
    if others + ours == before:
        return False
    if others + ours:
        path.write_text(others + ours, encoding="utf-8")
    else:
        path.unlink()
    return True


def models_are_hidden(project: Project) -> bool:
    """Whether there are segments or content models that dbt is kept from reading."""
    path = project.dbt_work / IGNORED
    return path.exists() and HIDDEN_HEAD in path.read_text(encoding="utf-8")


def _pattern(path: str) -> str:
    """A file for `.dbtignore`, where some characters mean something else: `?` is any one of them."""
    folder, _, file = path.removesuffix(".sql").rpartition("/")
    name = re.sub(r"[^\w-]", "?", file)
    return f"{folder}/{name}.sql"
