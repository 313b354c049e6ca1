"""A project's content models: one a SQL file in `dbt_project/models/content`, and what it says of its rows (M9).

Here belong the files and what `config(meta=…)` in them says, read without dbt, as ticks seldom need it. Which step uses
which model is `step_content`'s; running them is the pipeline's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import TemplateSyntaxError

from dagster_drips.project import Project
from dagster_drips.sequences.model_meta import metas_of
from dagster_drips.sequences.problems import Problem
from dagster_drips.vocabulary import EVENT_COLUMNS

LEAD_KEY = "lead_id"
"""The key of a content model that names none: a row belongs to a lead."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ROWS = ("one", "many")
# Of an event: its id. Its other columns are no key, and its properties all may be.
_NO_KEYS = frozenset(EVENT_COLUMNS) - {"event_id", "lead_id"}


@dataclass(frozen=True)
class ContentFile:
    """A content model: its name, its file below the project, the column that finds its rows, and how many a key has."""

    name: str
    file: str
    key: str = LEAD_KEY
    is_many: bool = False


def content_files(project: Project) -> dict[str, ContentFile]:
    """The content models of a project by name; what is wrong in a file is `content_problems`' matter."""
    return {path.stem: _read(project, path)[0] for path in content_paths(project) if _NAME.fullmatch(path.stem)}


def content_problems(project: Project) -> list[Problem]:
    """The mistakes in names and in `config(meta=…)` of all content files, sorted by name."""
    problems: list[Problem] = []
    for path in content_paths(project):
        if not _NAME.fullmatch(path.stem):
            file = path.relative_to(project.root).as_posix()
            problems.append(Problem(file, None, _unnameable(path.stem)))
        problems += _read(project, path)[1]
    return problems


def unnameable_content(project: Project) -> dict[str, str]:
    """Content files that templates can't name, without their ending: what to say of each."""
    return {path.stem: _unnameable(path.stem) for path in content_paths(project) if not _NAME.fullmatch(path.stem)}


def content_paths(project: Project) -> list[Path]:
    """The files that dbt reads too, sorted by name."""
    files = [path for path in project.content.glob("*.sql") if path.name[0] not in ".#~" and path.is_file()]
    return sorted(files, key=lambda path: path.stem)


def _unnameable(name: str) -> str:
    return f"'{name}' can't be named in a template: a content model's name has letters, digits and _, no digit first"


def _read(project: Project, path: Path) -> tuple[ContentFile, list[Problem]]:
    file = path.relative_to(project.root).as_posix()
    try:
        sql = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ContentFile(path.stem, file), []  # the check of the SQL says so
    return _from_text(path.stem, file, sql)


@lru_cache(maxsize=256)
def _from_text(name: str, file: str, sql: str) -> tuple[ContentFile, list[Problem]]:
    try:
        metas = metas_of(sql)
    except TemplateSyntaxError as error:
        return ContentFile(name, file), [Problem(file, error.lineno, f"broken Jinja: {error.message}")]
    problems: list[Problem] = []
    key: str = LEAD_KEY
    rows = "one"
    for line, meta in metas:
        if not isinstance(meta, dict):
            problems.append(Problem(file, line, "config(meta=…) must be written out, as {'key': 'order_id'}"))
            continue
        for name_of_key, value in meta.items():
            if name_of_key == "rows":
                if value in _ROWS:
                    rows = str(value)
                else:
                    problems.append(Problem(file, line, f"rows is 'one' or 'many', not {value!r}"))
            elif name_of_key == "key":
                if isinstance(value, str) and value and value not in _NO_KEYS:
                    key = value
                else:
                    message = f"key is lead_id, event_id or a property of the trigger's event, not {value!r}"
                    problems.append(Problem(file, line, message))
    return ContentFile(name, file, key, rows == "many"), problems
