"""Tables and views made anew on PostgreSQL, so that what stands upon them stays.

There a table that is replaced takes along whatever reads it: views, and the rights that somebody was given. So the rows
are exchanged and the table stays, wherever its columns are what they were. What belongs here: that. What does not:
which relations are made (dbt).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

_MADE = re.compile(r"\Acreate or replace (table|view) (\S+) as \((.*)\)\Z", re.DOTALL)
_MERGED = re.compile(r"\Ainsert into (\S+) by name select \* from new_rows\Z")
_SCRATCH = "_drips_made"
_NUMERIC, _TEXT = 1700, 25
_FAMILIES = dict.fromkeys((20, 21, 23, 700, 701), _NUMERIC) | dict.fromkeys((1043, 705), _TEXT)
"""PostgreSQL's object ids of types that take each other's values."""


class _Session(Protocol):
    """What is needed of a connection."""

    def run(self, text: str) -> None:
        """Run statements that are PostgreSQL's already."""
        ...

    def tried(self, text: str) -> bool:
        """The same, but for a view whose columns are others than those that it has; whether it was run."""
        ...

    def shape(self, select: str) -> Mapping[str, int] | None:
        """Columns of a select and their types; None where what it reads is not there."""
        ...

    def value(self, sql: str) -> Any:
        """The first column of the first row."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All statements inside it take effect together, or none."""
        ...


@dataclass(frozen=True)
class Made:
    """A relation that is to be made anew: what it is, its quoted name, and the select that it is made from."""

    kind: Literal["table", "view"]
    relation: str
    select: str


def made_of(sql: str) -> Made | None:
    """What a `create or replace table` (or view) `as (…)` makes; None: the statement is another."""
    found = _MADE.match(sql)
    if found is None:
        return None
    return Made("view" if found[1] == "view" else "table", found[2], found[3])


def merged_into(sql: str) -> str | None:
    """The table that a run puts new rows into; None: the statement is another."""
    found = _MERGED.match(sql)
    return found[1] if found else None


def make(session: _Session, made: Made) -> None:
    """Make it: a view in the place of another, or the rows of a table in that of others.

    Readers wait for as long as it takes to put rows there, and not for the query that finds them.
    """
    if made.kind == "view":
        # Tried, as asking what a view upon many views has for columns makes a plan of it, which takes seconds.
        if not session.tried(f"create or replace view {made.relation} as {made.select}"):
            session.run(f"drop view if exists {made.relation} cascade")
            session.run(f"create view {made.relation} as {made.select}")
        return
    session.run(f"drop table if exists pg_temp.{_SCRATCH}")
    # Once, and its columns asked of what came out: to plan a view upon many views takes longer than to run it.
    session.run(f"create temp table {_SCRATCH} as {made.select}")
    there, new = session.shape(f"select * from {made.relation}"), session.shape(f"select * from {_SCRATCH}")
    if there is not None and new is not None and _families(there) == _families(new):
        if session.value(f"select exists (select 1 from {made.relation}) or exists (select 1 from {_SCRATCH})"):
            with session.transaction():
                session.run(f"truncate {made.relation}")
                session.run(f"insert into {made.relation} select * from {_SCRATCH}")
            session.run(f"analyze {made.relation}")
    else:
        session.run(f"drop table if exists {made.relation} cascade")
        session.run(f"create table {made.relation} as select * from {_SCRATCH}")
        session.run(f"analyze {made.relation}")
    session.run(f"drop table {_SCRATCH}")


def _families(columns: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names and kinds of types: a contract may name a narrower number than a select has."""
    return [(name, _FAMILIES.get(code, code)) for name, code in columns.items()]
