"""The port's SQL as PostgreSQL's driver takes it.

Statements are written for both engines; a few forms that only DuckDB has, and that say nothing but how, are rewritten
here, in one place: placeholders, temporary tables that are made anew, and the name of a type. What says *what* is asked
has a variant in its .sql file (`statements`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*"
_PART = re.compile(rf"(?P<quoted>{_QUOTED})|(?P<placeholder>\?|(?<!\$)\$(?P<name>[a-z_]\w*))|(?P<percent>%)")
_MADE_ANEW = re.compile(r"\bcreate or replace temp (table|view) (\w+)", re.IGNORECASE)
_DOUBLE = re.compile(r"\bdouble\b(?!\s+precision)", re.IGNORECASE)
_OF_DATABASE = re.compile(r'\A(create schema if not exists )"[^"]+"\.', re.IGNORECASE)
_BY_NAME = re.compile(r"(?P<into>\A(?:\s|--[^\n]*\n)*insert into \S+) by name\b(?P<select>.*)\Z", re.DOTALL)
PARQUET = re.compile(r"\bread_parquet\((?P<files>\?|'(?:[^']|'')*')(?:, union_by_name = true)?\)")
"""Files that a statement reads as a table: a parameter or a literal."""


@lru_cache(maxsize=2048)
def translated(sql: str, *, is_given: bool) -> str:
    """A statement for psycopg2.

    Args:
        sql: as the port takes it.
        is_given: parameters come with it; without them the driver leaves `%` alone.
    """
    sql = _OF_DATABASE.sub(r"\1", sql)
    sql = _outside_quotes(sql, _MADE_ANEW, _made_anew)
    sql = _outside_quotes(sql, _DOUBLE, lambda _: "double precision")
    return _PART.sub(_part, sql) if is_given else sql


def number_of_placeholders(sql: str) -> int:
    """How many `?` stand in it."""
    return sum(found["placeholder"] == "?" for found in _PART.finditer(sql))


def by_name(sql: str) -> tuple[str, str] | None:
    """What an `insert into … by name` consists of: all up to the table, and the select; None: it is none."""
    found = _BY_NAME.match(sql)
    return (found["into"], found["select"]) if found else None


def _made_anew(found: re.Match[str]) -> str:
    return f"drop {found[1]} if exists pg_temp.{found[2]}; create temp {found[1]} {found[2]}"


def _part(found: re.Match[str]) -> str:
    if found["placeholder"]:
        return f"%({found['name']})s" if found["name"] else "%s"
    return found[0].replace("%", "%%")


def _outside_quotes(sql: str, pattern: re.Pattern[str], put: Callable[[re.Match[str]], str]) -> str:
    parts = re.split(f"({_QUOTED})", sql)
    return "".join(part if nth % 2 else pattern.sub(put, part) for nth, part in enumerate(parts))
