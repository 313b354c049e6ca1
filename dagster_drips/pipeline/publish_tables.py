"""The tables of a published set: written where they changed, taken over from the set before where they did not.

What a table holds is told by its fingerprint, a sum of hashes of its rows, which costs a fraction of writing them. The
Parquet file of a table that holds what it held is linked into the new set. `drips.duckdb` is copied as a file, which
costs next to nothing, and tables that changed are made anew in it; of large ones the parts that changed are exchanged
in both kinds of files (`publish_parts`), of those without parts the rows that differ in the database.

Here belongs what is in a set's tables. Versions, links and readers are `publish`'s; which tables there are is dbt's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import msgspec

from dagster_drips.files import copy_file
from dagster_drips.pipeline.descriptions import Description, comment_on
from dagster_drips.pipeline.publish_parts import (
    Part,
    PublishedPart,
    Slices,
    exchange_parts,
    is_held,
    parts_of,
    slices_by,
    update_parts,
    write_parts,
    write_whole,
)
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.duckdb_file import STORAGE
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

DATABASE = "drips.duckdb"
"""Not `marts.duckdb`: opened by itself that would be a database and a schema of one name."""

_PARQUET = "format parquet, dictionary_size_limit 1000"
"""Ids are all different: filling dictionaries that are then given up costs a third of the writing."""

LARGE = 100_000
"""Rows of a table from which on those that differ are exchanged."""
_FEW = 0.25
"""Share of rows that differ up to which that costs less than writing the table."""
_MANY = 0.5
"""The same of rows in parts that differ, which needn't be looked for."""

_LIST = re.compile(r"[A-Z]+\[\]")
_NESTED = re.compile(r"\[|^(STRUCT|MAP|UNION)")

_SETS = named_statements(Path(__file__).with_name("publish.sql"))
_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


class PublishedFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file of a set, as the set's manifest tells of it.

    Args:
        bytes: its size.
        content: of a table's the fingerprint, the same for the same rows, columns and types; empty for the database.
        parts: of a large table's, by name.
    """

    bytes: int
    content: str = ""
    parts: dict[str, PublishedPart] = {}


class Contents(msgspec.Struct, frozen=True):
    """What is in a set, as its manifest tells it.

    Args:
        tables: rows by table.
        files: by name.
        made_with: engine and layout; a set that was made with others is not taken over.
        descriptions: a digest of the comments in the database.
    """

    tables: dict[str, int]
    files: dict[str, PublishedFile]
    made_with: str
    descriptions: str


@dataclass(frozen=True)
class SetBefore:
    """A set that the next one takes over from: its folder, and what should be in it."""

    folder: Path
    contents: Contents

    def is_whole(self, name: str) -> bool:
        """Whether a file is there, and as large as it was."""
        known = self.contents.files.get(name)
        with suppress(OSError):
            return known is not None and (self.folder / name).stat().st_size == known.bytes
        return False

    def holds(self, table: _Table) -> bool:
        """Whether a table holds what it held in that set."""
        known = self.contents.files.get(table.file)
        return known is not None and known.content == table.content

    def parts(self, table: _Table) -> dict[str, PublishedPart]:
        """The parts that a table had in that set; none where it had other columns, or has none now."""
        known = self.contents.files.get(table.file)
        return known.parts if known is not None and table.parts and self.resembles(table) else {}

    def resembles(self, table: _Table) -> bool:
        """Whether a table had the same columns in that set, and was large as it is now."""
        known = self.contents.files.get(table.file)
        rows = min(table.rows, self.contents.tables.get(table.name, 0))
        return known is not None and rows >= LARGE and known.content.endswith(f"-{_digest(table.columns)}")


@dataclass(frozen=True)
class _Table:
    """A mart as it is now."""

    name: str
    columns: dict[str, str]
    rows: int
    content: str
    slices: Slices | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)

    @property
    def relation(self) -> str:
        return f"marts.{quoted_name(self.name)}"

    @property
    def file(self) -> str:
        return f"{self.name}.parquet"

    def kept_rows(self, published: Mapping[str, PublishedPart]) -> int:
        """Rows of the parts that hold what they held."""
        return sum(part.rows for name, part in self.parts.items() if is_held(part, published.get(name)))


def write_tables(
    warehouse: Warehouse, folder: Path, descriptions: Mapping[str, Description], before: SetBefore | None
) -> Contents:
    """Write all marts into the folder of a set that nobody reads yet.

    Args:
        warehouse: with the marts built.
        folder: of the set.
        descriptions: by table.
        before: what to take over from; None: write everything.
    """
    made_with = json.dumps([warehouse.value(_STATEMENTS["engine"]), _PARQUET, STORAGE])
    told = _digest({name: [known.text, dict(known.columns)] for name, known in descriptions.items()})
    if before is not None and before.contents.made_with != made_with:
        before = None
    named = [row["table_name"] for row in warehouse.rows(_SETS["marts"])]
    cut = slices_by(warehouse, {name: known.parts_by for name, known in descriptions.items() if known.parts_by})
    tables = [_table(warehouse, name, cut.get(name)) for name in named]
    parts = {table.file: _write_parquet(warehouse, folder, table, before) for table in tables}
    if before is not None and before.contents.descriptions != told:
        before = None
    _write_database(warehouse, folder, tables, descriptions, before)
    files = {table.file: table.content for table in tables} | {DATABASE: ""}
    written = {
        name: PublishedFile((folder / name).stat().st_size, content, parts.get(name, {}))
        for name, content in files.items()
    }
    return Contents({table.name: table.rows for table in tables}, written, made_with, told)


def _table(warehouse: Warehouse, name: str, slices: Slices | None) -> _Table:
    columns = warehouse.columns(f"marts.{name}")
    relation, hashed = f"marts.{quoted_name(name)}", _hashed(columns)
    if slices is not None and columns.get(slices.column) == "TIMESTAMP":
        parts = parts_of(warehouse, relation, slices, hashed)
        if parts is not None and (rows := sum(part.rows for part in parts.values())) >= LARGE:
            content = sum(int(part.content) for part in parts.values())
            return _Table(name, columns, rows, f"{rows}-{content}-{_digest(columns)}", slices, parts)
    asked = {"relation": relation, "columns": hashed}
    (told,) = warehouse.rows(Template(_STATEMENTS["fingerprint"]).substitute(asked))
    return _Table(name, columns, told["row_count"], f"{told['row_count']}-{told['content']}-{_digest(columns)}")


def _hashed(columns: Mapping[str, str]) -> str:
    """What a row's hash is made of."""
    return ", ".join(_hashed_as(quoted_name(name), type_) for name, type_ in columns.items())


def _hashed_as(column: str, type_: str) -> str:
    # DuckDB has one hash for NULL, an empty list, and one of nothing but NULLs.
    if _LIST.fullmatch(type_):
        return f"len({column}), {column}"
    return f"to_json({column})" if _NESTED.search(type_) else column


def _digest(what: Any) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


# Parquet -------------------------------------------------------------------------------------------------------------


def _write_parquet(
    warehouse: Warehouse, folder: Path, table: _Table, before: SetBefore | None
) -> dict[str, PublishedPart]:
    """Write, or link, a table's file; its parts, of one that has some."""
    file = folder / table.file
    known: Mapping[str, PublishedPart] = {}
    if before is not None and before.is_whole(table.file):
        place, known = before.folder / table.file, before.parts(table)
        if before.holds(table) and bool(known) == bool(table.parts) and _linked(place, file):
            return dict(known)
    if table.slices is None:
        warehouse.execute(f"copy {table.relation} to {quoted_text(str(file))} ({_PARQUET})")
        return {}
    asked = (warehouse, file, table.relation, table.slices, table.parts)
    if known and (updated := update_parts(*asked, place, known, _PARQUET)) is not None:
        return updated
    # Where changes are scattered over time, what parts take longer to write is lost at the next tick.
    is_lasting = known and table.kept_rows(known) >= (1 - _MANY) * table.rows
    return (write_parts if is_lasting else write_whole)(*asked, _PARQUET)


def _linked(source: Path, target: Path) -> bool:
    """Whether a file could be given another name; not every file system can, and its mode is that of new files."""
    with suppress(OSError):
        if stat.S_IMODE(source.stat().st_mode) == stat.S_IMODE(target.parent.stat().st_mode) & 0o666:
            os.link(source, target)
            return True
    return False


# The database --------------------------------------------------------------------------------------------------------


def _write_database(
    warehouse: Warehouse,
    folder: Path,
    tables: list[_Table],
    descriptions: Mapping[str, Description],
    before: SetBefore | None,
) -> None:
    """Write `drips.duckdb`, or bring a copy of the last one up to date."""
    if before is not None and before.is_whole(DATABASE):
        try:
            copy_file(before.folder / DATABASE, folder / DATABASE)
            _fill_database(warehouse, folder / DATABASE, tables, descriptions, before)
        except duckdb.Error:
            # Somebody's hands, or a disk's fault: whatever is wrong with it, it is not handed on.
            for leftover in folder.glob(f"{DATABASE}*"):
                leftover.unlink()
        else:
            return
    _fill_database(warehouse, folder / DATABASE, tables, descriptions, None)


def _fill_database(
    warehouse: Warehouse,
    file: Path,
    tables: list[_Table],
    descriptions: Mapping[str, Description],
    copied: SetBefore | None,
) -> None:
    """Make all tables and views of a database.

    Args:
        copied: the set whose database this is a copy of.
    """
    held = {table.name for table in tables if copied is not None and copied.holds(table)}
    alike = [table for table in tables if table.name not in held and copied is not None and copied.resembles(table)]
    with _attached(warehouse, file):
        # Each transaction that ends writes the whole catalog of hundreds of columns.
        with warehouse.transaction():
            exchanged = {one.name for one in alike if copied is not None and _is_exchanged(warehouse, one, copied)}
            _take_away(warehouse, held | exchanged)
        # What is made anew goes where the old tables were, or the file would be twice as large.
        warehouse.execute("checkpoint published")
        there = {row["table_name"] for row in warehouse.rows(_STATEMENTS["published_tables"])}
        made = [table for table in tables if table.name not in there]
        # What is large would stay in memory until a transaction of all tables ends.
        for table in (one for one in made if one.rows >= LARGE):
            _make(warehouse, table)
        with warehouse.transaction():
            for table in (one for one in made if one.rows < LARGE):
                _make(warehouse, table)
            views = _write_views(warehouse)
            for name in descriptions.keys() & {*(table.name for table in made), *views}:
                kind = "view" if name in views else "table"
                columns = list(warehouse.columns(f"marts.{name}"))
                comment_on(warehouse, kind, f"published.marts.{quoted_name(name)}", descriptions[name], columns)
        warehouse.execute("checkpoint published")


def _make(warehouse: Warehouse, table: _Table) -> None:
    warehouse.execute(f"create table published.{table.relation} as select * from {table.relation}")


@contextmanager
def _attached(warehouse: Warehouse, file: Path) -> Generator[None]:
    warehouse.execute(f"attach {quoted_text(str(file))} as published ({STORAGE})")
    try:
        warehouse.execute("create schema if not exists published.marts")
        yield
    finally:
        warehouse.execute("detach published")
        warehouse.execute(_STATEMENTS["drop_changed_rows"])


def _is_exchanged(warehouse: Warehouse, table: _Table, copied: SetBefore) -> bool:
    """Exchange what differs of a copied table, where that is little; whether it holds now what it should."""
    if table.slices is None or not (known := copied.parts(table)):
        return _rows_are_exchanged(warehouse, table)
    if table.kept_rows(known) < (1 - _MANY) * table.rows:
        return False
    exchange_parts(warehouse, table.relation, table.slices, table.parts, known)
    return _has_all_rows(warehouse, table)


def _has_all_rows(warehouse: Warehouse, table: _Table) -> bool:
    return bool(warehouse.value(f"select count(*) from published.{table.relation}") == table.rows)


def _rows_are_exchanged(warehouse: Warehouse, table: _Table) -> bool:
    key = quoted_name(next(iter(table.columns)))
    asked = {"relation": table.relation, "columns": _hashed(table.columns), "key": key}
    warehouse.execute(Template(_STATEMENTS["changed_rows"]).substitute(asked))
    if warehouse.value(_STATEMENTS["changed_count"]) > _FEW * table.rows:
        return False
    for change in ("take_away", "add"):
        warehouse.execute(Template(_STATEMENTS[change]).substitute(asked))
    return _has_all_rows(warehouse, table)


def _take_away(warehouse: Warehouse, kept: set[str]) -> None:
    """Of what was copied: views, what they read beside marts, and tables that are made anew, or marts no more."""
    for view in warehouse.rows(_STATEMENTS["published_views"]):
        schema, name = quoted_name(view["schema_name"]), quoted_name(view["view_name"])
        warehouse.execute(f"drop view published.{schema}.{name}")
    for table in warehouse.rows(_STATEMENTS["published_tables"]):
        if table["schema_name"] != "marts" or table["table_name"] not in kept:
            schema, name = quoted_name(table["schema_name"]), quoted_name(table["table_name"])
            warehouse.execute(f"drop table published.{schema}.{name}")


def _write_views(warehouse: Warehouse) -> set[str]:
    """Views over other marts that name no database come along as views: what they read is there, too; their names.

    What they read beside marts is small, of the project and of nobody in it, and comes along as tables.
    """
    views = warehouse.rows(_SETS["views"])
    for table in warehouse.rows(_SETS["beside"]) if views else ():
        schema, name = quoted_name(table["table_schema"]), quoted_name(table["table_name"])
        warehouse.execute(f"create schema if not exists published.{schema}")
        warehouse.execute(f"create table published.{schema}.{name} as select * from {schema}.{name}")
    (place,) = warehouse.rows(_SETS["place"])
    warehouse.execute("use published")
    try:
        for view in views:
            warehouse.execute(view["sql"])
    finally:
        warehouse.execute(f"use {quoted_name(place['database_name'])}.{quoted_name(place['schema_name'])}")
    return {view["view_name"] for view in views}
