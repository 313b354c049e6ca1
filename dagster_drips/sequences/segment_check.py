"""What `validate` says of segments' and content models' SQL without running it: where it asks the clock or chance.

Whether the SQL runs is the database's word, at a tick. What belongs here is what would run and still break the rules:
a replay and a repeated tick must give the same members and the same mail (T1, T3, E7).
"""

from __future__ import annotations

import re

from dagster_drips.project import Project
from dagster_drips.sequences.content_files import content_paths
from dagster_drips.sequences.problems import Problem
from dagster_drips.sequences.segment_files import segment_files

_NOT_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.DOTALL)
_CLOCK = re.compile(
    r"\b(?:(?:now|today|get_current_timestamp|getdate|sysdate|clock_timestamp|statement_timestamp|transaction_timestamp)"
    r"\s*\(\s*\)|current_timestamp|current_date|current_time|localtimestamp|localtime)(?![\w.])",
    re.IGNORECASE,
)
_CHANCE = re.compile(
    r"\b(?:random|rand|uuid|gen_random_uuid|uuidv[47])\s*\(\s*\)|\busing\s+sample\b|\btablesample\b", re.IGNORECASE
)

_RULES = (
    (_CLOCK, "is the wall clock; write {{ as_of() }}, the tick's instant (T1)"),
    (_CHANCE, "is another at every tick; write {{ bucket(\"'salt:' || lead_id\") }} (E7)"),
)


def segment_problems(project: Project) -> list[Problem]:
    """The mistakes in all segment files, then in all content files, in the order of their names and lines."""
    problems = []
    for path in (*segment_files(project), *content_paths(project)):
        file = path.relative_to(project.root).as_posix()
        try:
            sql = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(file, None, f"can't be read as UTF-8 text: {error}"))
            continue
        code = _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), sql)
        found = [(match, why) for pattern, why in _RULES for match in pattern.finditer(code)]
        for match, why in sorted(found, key=lambda one: one[0].start()):
            line = code.count("\n", 0, match.start()) + 1
            problems.append(Problem(file, line, f"'{' '.join(match[0].split())}' {why}"))
    return problems
