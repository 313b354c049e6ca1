"""The parts of a large published table: rows of one day or month, which are written again where they changed.

A table's file is still one: the row groups of parts that hold what they held are taken over from the file before as
they are, and those of the others stand behind them (`parquet_files`). Rows of this month and the last are parts by day,
older ones by month, as what changes is mostly young. Here belongs which parts there are and putting a file together of
them; which tables have parts is said by their models (`meta: {parts_by: column}`), what is taken over by
`publish_tables`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template

import msgspec

from dagster_drips.files import copy_file
from dagster_drips.pipeline.parquet_files import (
    Footer,
    NotParquet,
    RowGroups,
    copy_row_groups,
    footer_begins_at,
    moved,
    read_footer,
    write_footer,
)
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_MAGIC = b"PAR1"
_PART = "drips_part"
_FEW = 40
"""Parts up to which each is written by a statement of its own."""


class PublishedPart(msgspec.Struct, frozen=True):
    """A part of a file, as the set's manifest tells of it.

    Args:
        content: the same for the same rows.
        rows: how many.
        groups: of how many row groups of its own it is; 0 where the file was written as a whole.
        told_at: where the file's footer tells of them.
        told: in so many bytes.
        bytes: of its row groups.
    """

    content: str
    rows: int
    bytes: int = 0
    groups: int = 0
    told_at: int = 0
    told: int = 0


@dataclass(frozen=True)
class Part:
    """Rows of a table that stand together, as they are now."""

    content: str
    rows: int


@dataclass(frozen=True)
class Slices:
    """How a table is cut into parts: by a column of instants, and from which instant on by day."""

    column: str
    days_from: str

    @property
    def expression(self) -> str:
        """SQL of the name of the part that a row is in."""
        asked = {"column": quoted_name(self.column), "days_from": self.days_from}
        return Template(_STATEMENTS["part"]).substitute(asked).strip()

    def condition(self, names: Collection[str]) -> str:
        """SQL of whether a row is in one of these parts."""
        listed = ", ".join(quoted_text(name) for name in sorted(names))
        # What changed is mostly young: a bound lets the engine leave out what is older.
        since = min(names)
        bound = f" and {quoted_name(self.column)} >= {quoted_text(since)}" if since != _NO_INSTANT else ""
        return f"{self.expression} in ({listed}){bound}"


_NO_INSTANT = "0001-01-01"
"""The part of rows without an instant."""
_IS_NAME = re.compile(r"\d{4}-\d\d-\d\d")


def parts_of(warehouse: Warehouse, relation: str, slices: Slices, columns: str) -> dict[str, Part] | None:
    """The parts of a table by their names; None where it has instants that no calendar of ours has.

    Args:
        warehouse: with the table.
        relation: its quoted name.
        slices: how it is cut.
        columns: SQL of what a row's hash is made of.
    """
    asked = {"relation": relation, "columns": columns, "part": slices.expression}
    rows = warehouse.rows(Template(_STATEMENTS["fingerprint"]).substitute(asked))
    parts = {row["part"]: Part(str(row["content"]), row["row_count"]) for row in rows}
    return parts if all(_IS_NAME.fullmatch(name) for name in parts) else None


def days_from(warehouse: Warehouse) -> str:
    """SQL of the instant from which on rows of a day are a part."""
    return f"timestamp {quoted_text(str(warehouse.value(_STATEMENTS['days_from'])))}"


def as_a_whole(parts: Mapping[str, Part]) -> dict[str, PublishedPart]:
    """The parts of a file that has no row groups of their own: that takes half of the time to write, and a file that is
    not written again needs none.
    """
    return {name: PublishedPart(part.content, part.rows) for name, part in parts.items()}


def write_parts(
    warehouse: Warehouse,
    file: Path,
    relation: str,
    slices: Slices,
    parts: Mapping[str, Part],
    options: str,
) -> dict[str, PublishedPart]:
    """Write a table's file part by part.

    Args:
        warehouse: with the table.
        file: to write.
        relation: the table.
        slices: how it is cut.
        parts: all of them.
        options: of DuckDB's `copy`.
    """
    scratch = file.with_suffix(".parts")
    scratch.mkdir()
    try:
        asked = {
            "relation": relation,
            "part": slices.expression,
            "folder": quoted_text(str(scratch)),
            "options": options,
        }
        warehouse.execute(Template(_STATEMENTS["write_parts"]).substitute(asked))
        pieces = {name: sorted((scratch / f"{_PART}={name}").glob("*.parquet")) for name in parts}
        return _put_together(file, parts, pieces)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def update_parts(
    warehouse: Warehouse,
    file: Path,
    relation: str,
    slices: Slices,
    parts: Mapping[str, Part],
    before: Path,
    published: Mapping[str, PublishedPart],
    options: str,
) -> dict[str, PublishedPart] | None:
    """Make a table's file of the one before, with new row groups for the parts that changed.

    Args:
        warehouse, file, relation, slices, parts, options: as `write_parts`.
        before: the file that the last set has.
        published: its parts.

    Returns:
        The parts of the new file; None where it is better written as a whole.
    """
    kept = {name for name, part in parts.items() if is_held(part, published.get(name))}
    changed = sorted(parts.keys() - kept)
    # Where most of it would be dead space, or there are many small parts, it is written anew.
    if len(changed) > _FEW or 2 * sum(published[name].bytes for name in kept) < footer_begins_at(before):
        return None
    scratch = file.with_suffix(".parts")
    scratch.mkdir()
    try:
        pieces: dict[str, list[Path]] = {}
        for name in changed:
            pieces[name] = [scratch / f"{name}.parquet"]
            asked = {"relation": relation, "condition": slices.condition([name]), "options": options}
            statement = Template(_STATEMENTS["write_part"]).substitute(asked)
            warehouse.execute(f"{statement.strip()} to {quoted_text(str(pieces[name][0]))} ({options})")
        with suppress(NotParquet):
            return _put_together(file, parts, pieces, before, {name: published[name] for name in sorted(kept)})
        return None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def exchange_parts(
    warehouse: Warehouse,
    relation: str,
    slices: Slices,
    parts: Mapping[str, Part],
    published: Mapping[str, PublishedPart],
) -> None:
    """Bring a table of the attached database `published` up to date, which holds what the last set held."""
    kept = {name for name, part in parts.items() if is_held(part, published.get(name))}
    changed = parts.keys() - kept
    asked = {
        "relation": relation,
        "kept": slices.condition(kept) if kept else "false",
        "changed": slices.condition(changed) if changed else "false",
    }
    for change in ("take_away", "add"):
        warehouse.execute(Template(_STATEMENTS[change]).substitute(asked))


def is_held(part: Part, published: PublishedPart | None) -> bool:
    """Whether a part holds what it held."""
    return published is not None and (published.content, published.rows) == (part.content, part.rows)


def _put_together(
    file: Path,
    parts: Mapping[str, Part],
    pieces: Mapping[str, Sequence[Path]],
    before: Path | None = None,
    kept: Mapping[str, PublishedPart] | None = None,
) -> dict[str, PublishedPart]:
    """A file of the row groups of another, and those of pieces.

    Raises:
        NotParquet: a file is not what it was, or the pieces have other rows than they should.
    """
    footers = {path: read_footer(path) for paths in pieces.values() for path in paths}
    groups: dict[str, list[RowGroups]] = {}
    if before is not None:
        copy_file(before, file)
        groups |= {name: [told] for name, told in _told_of(before, kept or {}).items()}
    else:
        file.write_bytes(_MAGIC)
    with file.open("r+b") as target:
        if before is not None:
            target.truncate(footer_begins_at(before))
        target.seek(0, os.SEEK_END)
        for name, paths in pieces.items():
            groups[name] = [
                moved(footers[path].row_groups, copy_row_groups(path, footers[path].begins_at, target))
                for path in paths
            ]
        # Where nothing but rows that are gone has changed, there are no pieces.
        like = _one_of([*footers.values()] or [read_footer(path) for path in (before,) if path is not None])
        flat = [one for told in groups.values() for one in told]
        places = dict(zip(map(id, flat), write_footer(target, like, flat), strict=True))
    sizes = {name: sum(footers[path].begins_at - len(_MAGIC) for path in paths) for name, paths in pieces.items()}
    sizes |= {name: part.bytes for name, part in (kept or {}).items()}
    for name, told in groups.items():
        if sum(one.rows for one in told) != parts[name].rows:
            raise NotParquet(f"{file.name} has another number of rows than it should")
    return {
        name: PublishedPart(
            parts[name].content,
            parts[name].rows,
            sizes[name],
            sum(one.count for one in told),
            places[id(told[0])],
            sum(len(one.told) for one in told),
        )
        for name, told in groups.items()
    }


def _one_of(footers: Sequence[Footer]) -> Footer:
    """Any of the footers, where all are of the same columns.

    Raises:
        NotParquet: they are not.
    """
    if not footers or len({footer.before for footer in footers}) > 1:
        raise NotParquet("files of other columns")
    return footers[0]


def _told_of(file: Path, parts: Mapping[str, PublishedPart]) -> dict[str, RowGroups]:
    """What a file's footer tells of these parts."""
    with file.open("rb") as stream:
        return {
            name: RowGroups(part.rows, part.groups, os.pread(stream.fileno(), part.told, part.told_at))
            for name, part in parts.items()
        }
