"""A project's intake models: at most one a kind of landed rows, in `dbt_project/models/intake`, and what each says.

Here belong the files and what `config(meta=…)` in them says, read without dbt, as ticks seldom need it. Running them
and landing what has changed is the pipeline's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError

from dagster_drips.project import Project
from dagster_drips.sequences.model_meta import metas_of
from dagster_drips.sequences.problems import Problem, suggestion
from dagster_drips.vocabulary import LANDING_KINDS

SUPPRESS, FORGET = "suppress", "forget"
"""What a vanished lead may mean: it is mailed no more; it also waits to be erased."""
ABSENT_AT_MOST = 0.1
"""The share of its leads that a model may lack at once, where it says no other."""
_PREFIX = "intake_"
_KEYS = ("absent", "absent_at_most")


@dataclass(frozen=True)
class IntakeFile:
    """An intake model.

    Args:
        kind: of the rows that it has, one of `LANDING_KINDS`.
        name: dbt's: the file's, without its ending.
        file: relative to the project folder.
        absent: what a lead means that is there no more: `suppress`, `forget`, or nothing.
        absent_at_most: of more than this share of its leads that are gone at once none is taken to be.
    """

    kind: str
    name: str
    file: str
    absent: str | None = None
    absent_at_most: float = ABSENT_AT_MOST


def intake_files(project: Project) -> dict[str, IntakeFile]:
    """The intake models of a project by kind; what is wrong in a file is `intake_problems`' matter."""
    found: dict[str, IntakeFile] = {}
    for path in intake_paths(project):
        if (kind := _kind(path)) is not None:
            found.setdefault(kind, _read(project, path, kind)[0])
    return {kind: found[kind] for kind in LANDING_KINDS if kind in found}


def intake_problems(project: Project) -> list[Problem]:
    """The mistakes in names and in `config(meta=…)` of all files in the folder, sorted by name."""
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    for path in intake_paths(project):
        file, kind = path.relative_to(project.root).as_posix(), _kind(path)
        if kind is None:
            told = suggestion(path.stem.removeprefix(_PREFIX), LANDING_KINDS)
            problems.append(Problem(file, None, f"'{path.stem}' is no kind of landed rows, so nothing lands it{told}"))
            continue
        if kind in taken:
            problems.append(Problem(file, None, f"{taken[kind]} has the {kind} already, so nothing lands this one"))
            continue
        taken[kind] = path.name
        problems += _read(project, path, kind)[1]
    return problems


def intake_paths(project: Project) -> list[Path]:
    """The files that dbt reads too; `leads.sql` before `intake_leads.sql`, which is as good where a name is taken."""
    files = [path for path in project.intake.glob("*.sql") if path.name[0] not in ".#~" and path.is_file()]
    return sorted(files, key=lambda path: (path.stem.startswith(_PREFIX), path.stem))


def _kind(path: Path) -> str | None:
    name = path.stem.removeprefix(_PREFIX)
    return name if name in LANDING_KINDS else None


def _read(project: Project, path: Path, kind: str) -> tuple[IntakeFile, list[Problem]]:
    file = path.relative_to(project.root).as_posix()
    try:
        sql = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return IntakeFile(kind, path.stem, file), [Problem(file, None, f"can't be read as UTF-8 text: {error}")]
    return _from_text(kind, path.stem, file, sql)


@lru_cache(maxsize=64)
def _from_text(kind: str, name: str, file: str, sql: str) -> tuple[IntakeFile, list[Problem]]:
    try:
        metas = metas_of(sql)
    except TemplateSyntaxError as error:
        return IntakeFile(kind, name, file), [Problem(file, error.lineno, f"broken Jinja: {error.message}")]
    problems: list[Problem] = []
    said: dict[str, Any] = {}
    for line, meta in metas:
        if not isinstance(meta, dict):
            problems.append(Problem(file, line, "config(meta=…) must be written out, as {'absent': 'suppress'}"))
            continue
        for key in _KEYS:
            if key not in meta:
                continue
            if problem := _problem(kind, key, meta[key]):
                problems.append(Problem(file, line, problem))
            else:
                said[key] = meta[key]
    return IntakeFile(kind, name, file, said.get("absent"), float(said.get("absent_at_most", ABSENT_AT_MOST))), problems


def _problem(kind: str, key: str, value: Any) -> str | None:
    if kind != "leads":
        return f"{key} is for leads: what else is there no more means nothing"
    if key == "absent" and value not in (SUPPRESS, FORGET):
        return f"absent is '{SUPPRESS}' or '{FORGET}', not {value!r}"
    is_share = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
    if key == "absent_at_most" and not is_share:
        return f"absent_at_most is a share between 0 and 1, not {value!r}"
    return None
