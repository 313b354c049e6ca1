"""The parts of a large published table: rows of one day or month, which are written again where they changed.

A table's file is still one: the row groups of parts that hold what they held are taken over from the file before as
they are, and those of the others stand behind them (`parquet_files`). Rows of this month and the last are parts by day,
older ones by month, as what changes is mostly young. Row groups of each part take twice as long to write as the table,
so at first only the last days have their own, and all other parts stand together in the rest, which is taken over for
as long as none of them changes. Here belongs which parts there are and putting a file together of
them; which tables have parts is said by their models (`meta: {parts_by: column}`), what is taken over by
`publish_tables`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
_REST = "rest"
"""In place of a part's name: the row groups of all parts that have none of their own."""
_YOUNG_DAYS = 4
"""Days up to the tick's that have row groups of their own when a table is written as a whole: each costs a search."""


class PublishedPart(msgspec.Struct, frozen=True):
    """A part of a file, as the set's manifest tells of it.

    Args:
        content: the same for the same rows.
        rows: how many.
        bytes: of its row groups.
        groups: of how many row groups of its own it is; 0 where it stands in the rest.
        at: where they begin in the file.
        told_at: where the file's footer tells of them.
        told: in so many bytes.
    """

    content: str
    rows: int
    bytes: int = 0
    groups: int = 0
    at: int = 0
    told_at: int = 0
    told: int = 0


@dataclass(frozen=True)
class Part:
    """Rows of a table that stand together, as they are now."""

    content: str
    rows: int


@dataclass(frozen=True)
class Slices:
    """How a table is cut into parts: by a column of instants, from which day on by day, and which days are young."""

    column: str
    days_from: str
    young_from: str

    @property
    def expression(self) -> str:
        """SQL of the name of the part that a row is in."""
        asked = {"column": quoted_name(self.column), "days_from": f"timestamp {quoted_text(self.days_from)}"}
        return Template(_STATEMENTS["part"]).substitute(asked).strip()

    def condition_of(self, name: str) -> str:
        """SQL of whether a row is in this part, from which the engine knows where it need not look."""
        if name == _NO_INSTANT:
            return f"{self.expression} = {quoted_text(name)}"
        begins, column = f"timestamp {quoted_text(name)}", quoted_name(self.column)
        length = "day" if name >= self.days_from else "month"
        return f"{column} >= {begins} and {column} < {begins} + interval 1 {length}"

    @property
    def condition_of_old(self) -> str:
        """SQL of whether a row is in no part of the last days."""
        column = quoted_name(self.column)
        return f"({column} is null or {column} < timestamp {quoted_text(self.young_from)})"

    def young(self, names: Collection[str]) -> list[str]:
        """Which of these parts are of the last days; none where too many rows are dated ahead."""
        young = sorted(name for name in names if name >= self.young_from)
        return young if len(young) <= 2 * _YOUNG_DAYS else []

    def condition(self, names: Collection[str]) -> str:
        """SQL of whether a row is in one of these parts."""
        return " or ".join(f"({self.condition_of(name)})" for name in sorted(names)) or "false"


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


def slices_by(warehouse: Warehouse, columns: Mapping[str, str]) -> dict[str, Slices]:
    """How tables are cut now, of each the column."""
    (days,) = warehouse.rows(_STATEMENTS["days"], [_YOUNG_DAYS])
    return {name: Slices(column, str(days["days_from"]), str(days["young_from"])) for name, column in columns.items()}


def write_whole(
    warehouse: Warehouse, file: Path, relation: str, slices: Slices, parts: Mapping[str, Part], options: str
) -> dict[str, PublishedPart]:
    """Write a table's file as what is of the last days, each by itself, and the rest; arguments as of `write_parts`."""
    young = slices.young(parts)
    old = {name: part for name, part in parts.items() if name not in young}
    conditions = {name: slices.condition_of(name) for name in young}
    if old:
        conditions[_REST] = slices.condition_of_old if young else "true"
    with _scratch_of(file) as scratch:
        pieces = _written(warehouse, scratch, relation, conditions, options)
        return _put_together(file, parts, pieces, old)


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
    with _scratch_of(file) as scratch:
        asked = {
            "relation": relation,
            "part": slices.expression,
            "folder": quoted_text(str(scratch)),
            "options": options,
        }
        warehouse.execute(Template(_STATEMENTS["write_parts"]).substitute(asked))
        pieces = {name: sorted((scratch / f"{_PART}={name}").glob("*.parquet")) for name in parts}
        return _put_together(file, parts, pieces)


@contextmanager
def _scratch_of(file: Path) -> Generator[Path]:
    scratch = file.with_suffix(".parts")
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _written(
    warehouse: Warehouse, folder: Path, relation: str, conditions: Mapping[str, str], options: str
) -> dict[str, list[Path]]:
    pieces: dict[str, list[Path]] = {}
    for name, condition in conditions.items():
        pieces[name] = [folder / f"{name}.parquet"]
        asked = {"relation": relation, "condition": condition}
        statement = Template(_STATEMENTS["write_part"]).substitute(asked)
        warehouse.execute(f"{statement.strip()} to {quoted_text(str(pieces[name][0]))} ({options})")
    return pieces


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
    old = {name for name, part in published.items() if not part.groups}
    changed = sorted(parts.keys() - kept)
    if len(changed) > _FEW or not kept or not old <= kept:
        return None
    taken = {name: published[name] for name in sorted(kept - old)}
    if old:
        taken[_REST] = published[_REST]
    with _scratch_of(file) as scratch, suppress(NotParquet, OSError, KeyError):
        conditions = {name: slices.condition_of(name) for name in changed}
        pieces = _written(warehouse, scratch, relation, conditions, options)
        return _put_together(file, parts, pieces, {name: parts[name] for name in old}, before, taken)
    return None


def exchange_parts(
    warehouse: Warehouse,
    relation: str,
    slices: Slices,
    parts: Mapping[str, Part],
    published: Mapping[str, PublishedPart],
) -> None:
    """Bring a table of the attached database `published` up to date, which holds what the last set held."""
    kept = {name for name, part in parts.items() if is_held(part, published.get(name))}
    changed = outdated = slices.condition(parts.keys() - kept)
    if published.keys() - parts.keys() - {_REST}:
        # Gone, or cut in another way since: days of a month that has become old are one part now.
        listed = ", ".join(quoted_text(name) for name in sorted(kept))
        outdated = f"{slices.expression} not in ({listed})" if kept else "true"
    asked = {"relation": relation, "outdated": outdated, "changed": changed}
    for change in ("take_away", "add"):
        warehouse.execute(Template(_STATEMENTS[change]).substitute(asked))


def is_held(part: Part, published: PublishedPart | None) -> bool:
    """Whether a part holds what it held."""
    return published is not None and (published.content, published.rows) == (part.content, part.rows)


def _put_together(
    file: Path,
    parts: Mapping[str, Part],
    pieces: Mapping[str, Sequence[Path]],
    old: Mapping[str, Part] | None = None,
    before: Path | None = None,
    taken: Mapping[str, PublishedPart] | None = None,
) -> dict[str, PublishedPart]:
    """A file of row groups of another, and those of pieces.

    Args:
        file: to write.
        parts: all parts that it is to have.
        pieces: files of new row groups, by the part that they are of.
        old: those of the parts that stand in the rest.
        before: the other file.
        taken: what of it is taken over.

    Raises:
        NotParquet: a file is not what it was, or the pieces have other rows than they should.
    """
    footers = {path: read_footer(path) for paths in pieces.values() for path in paths}
    sizes = {name: sum(footers[path].begins_at - len(_MAGIC) for path in paths) for name, paths in pieces.items()}
    groups: dict[str, list[RowGroups]] = {}
    begin: dict[str, int] = {}
    file.write_bytes(_MAGIC)
    if before is not None and taken:
        sizes |= {name: part.bytes for name, part in taken.items()}
        _take_over(before, taken, file, groups, begin)
    with file.open("r+b") as target:
        target.seek(0, os.SEEK_END)
        for name, paths in pieces.items():
            begin[name] = target.seek(0, os.SEEK_END)
            groups[name] = [
                moved(footers[path].row_groups, copy_row_groups(path, footers[path].begins_at, target))
                for path in paths
            ]
        # Where nothing but rows that are gone has changed, there are no pieces.
        like = _one_of([*footers.values(), *(read_footer(path) for path in (before,) if path is not None)])
        flat = [one for told in groups.values() for one in told]
        places = dict(zip(map(id, flat), write_footer(target, like, flat), strict=True))
    old = old or {}
    rows = {name: part.rows for name, part in parts.items() if name not in old}
    if old:
        rows[_REST] = sum(part.rows for part in old.values())
    if {name: sum(one.rows for one in told) for name, told in groups.items()} != rows:
        raise NotParquet(f"{file.name} has another number of rows than it should")
    standing = {
        name: PublishedPart(
            parts[name].content if name in parts else "",
            rows[name],
            sizes[name],
            sum(one.count for one in told),
            begin[name],
            places[id(told[0])],
            sum(len(one.told) for one in told),
        )
        for name, told in groups.items()
    }
    return standing | {name: PublishedPart(part.content, part.rows) for name, part in old.items()}


def _take_over(
    before: Path,
    taken: Mapping[str, PublishedPart],
    file: Path,
    groups: dict[str, list[RowGroups]],
    begin: dict[str, int],
) -> None:
    """Begin a file with what is taken over of another: with all that it has, or without what is dead space in it, where
    that would be most of it."""
    ends_at = footer_begins_at(before)
    told = _told_of(before, taken)
    if 2 * sum(part.bytes for part in taken.values()) >= ends_at:
        copy_file(before, file)
        os.truncate(file, ends_at)
        groups |= {name: [told[name]] for name in taken}
        begin |= {name: part.at for name, part in taken.items()}
        return
    with file.open("r+b") as target:
        for name, part in taken.items():
            begin[name] = target.seek(0, os.SEEK_END)
            by = copy_row_groups(before, part.at + part.bytes, target, begins_at=part.at)
            groups[name] = [moved(told[name], by)]


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
