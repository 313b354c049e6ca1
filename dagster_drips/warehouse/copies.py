"""A copy of a project's warehouse as it stands, in a DuckDB file of its own: for who lives ticks that nobody journals.

Of a DuckDB file it is that file. Of a database of a server it is the rows of its tables, between two ticks, in a DuckDB
file all the same: whatever is lived on a copy is lived by DuckDB, since its truth is files on either engine. What
belongs here: making copies. What does not: what becomes of one.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from dagster_drips.project import Project
from dagster_drips.warehouse.database import warehouse_of
from dagster_drips.warehouse.duckdb_file import Warehouse
from dagster_drips.warehouse.port import open_warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

KEPT_FOR_GOOD = ("raw", "journal")
"""Schemas of what dbt does not make."""
_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_KNOWN = re.compile(
    r"(BOOLEAN|SMALLINT|INTEGER|BIGINT|REAL|DOUBLE|DATE|TIME|TIMESTAMP|UUID|VARCHAR|DECIMAL\(.*\))(\[\])*"
)
_WITH_ZONE = "TIMESTAMP WITH TIME ZONE"
_NUMBER = "DECIMAL(38, 9)"
"""Of a server's number without a scale, such as a sum."""
_LONGEST_LINE = 64 << 20
"""Bytes of a row as CSV; a message's content and an attachment are smaller."""
_SHORT_LINE = 2 << 20


def copy_of_warehouse(project: Project, file: Path, *, read_only: bool = False) -> bool:
    """Put a project's warehouse as it stands into another file; False where it has none, and nothing was written.

    Args:
        project: whose; it is left as it is.
        file: not there yet.
        read_only: of a DuckDB file, leave even its write-ahead log as it is.

    Raises:
        WarehouseBusy: a tick is writing it.
    """
    place = warehouse_of(project)
    if not isinstance(place, Path):
        with open_warehouse(place, read_only=True) as there:
            return copy_tables(there, file)
    if not place.exists():
        return False
    with open_warehouse(place, read_only=read_only) as warehouse:
        if not read_only:
            warehouse.checkpoint()
        # With DuckDB's write-ahead log, which a reader can't fold in; while there is a reader nobody writes.
        for ending in ("", ".wal"):
            if (found := place.with_name(place.name + ending)).exists():
                shutil.copyfile(found, file.with_name(file.name + ending))
    return True


def copy_tables(there: Warehouse, file: Path, schemas: Collection[str] = KEPT_FOR_GOOD) -> bool:
    """Put the rows of a server's tables into a DuckDB file; False where they have had no tick.

    Args:
        there: open for reading.
        file: not there yet, or made by this.
        schemas: all relations of these, views too, as tables.

    Raises:
        WarehouseBusy: a tick is writing.
    """
    with there.between_ticks():
        if not there.columns("journal.ticks"):
            return False
        with open_warehouse(file) as here:
            for row in there.rows(_STATEMENTS["relations"], [" ".join(sorted(schemas))]):
                _copy(there, here, row["schema"], row["name"])
            here.checkpoint()
    return True


def copy_relations(there: Warehouse, here: Warehouse, relations: Collection[str], *, number: str = _NUMBER) -> None:
    """Put the rows of some relations of a server into a DuckDB file, as tables; those that it has stay as they are.

    Args:
        there: open for reading.
        here: the file.
        relations: `schema.name` of each; one that is not there is left out.
        number: the type of a number without a scale.
    """
    for relation in relations:
        if not here.columns(relation) and there.columns(relation):
            _copy(there, here, *relation.split(".", 1), number=number)


def _copy(there: Warehouse, here: Warehouse, schema: str, name: str, *, number: str = _NUMBER) -> None:
    relation, plain = f"{quoted_name(schema)}.{quoted_name(name)}", f"{schema}.{name}"
    found = there.columns(plain)
    types = {column: _duckdb_type(type_, number) for column, type_ in found.items()}
    if not types.keys() <= here.columns(plain).keys():
        columns = ", ".join(f"{quoted_name(column)} {type_}" for column, type_ in types.items())
        here.execute(f"create schema if not exists {quoted_name(schema)}")
        here.execute(f"create or replace table {relation} ({columns})")
    parts = [_as_text(column, type_) for column, type_ in found.items()]
    with tempfile.TemporaryDirectory(dir=here.folder) as scratch:
        rows = Path(scratch) / "rows.csv"
        there.write_csv(f"select {', '.join(parts)} from {relation}", rows)
        if size := rows.stat().st_size:
            here.execute(
                _STATEMENTS["take"].substitute(
                    relation=relation,
                    names=", ".join(map(quoted_name, types)),
                    values=", ".join(_value(column, type_) for column, type_ in types.items()),
                    file=quoted_text(str(rows)),
                    texts=", ".join(f"{quoted_text(column)}: 'VARCHAR'" for column in types),
                    longest=str(min(size, _LONGEST_LINE) if size > _SHORT_LINE else _SHORT_LINE),
                )
            )


def _duckdb_type(found: str, number: str) -> str:
    """A type of the port's, or the server's own, as DuckDB has it; text where it has none such."""
    if found.startswith("DECIMAL") and "(" not in found:
        return number + found.removeprefix("DECIMAL")
    if found == _WITH_ZONE:
        return "TIMESTAMP"
    return found if _KNOWN.fullmatch(found) else "VARCHAR"


def _as_text(column: str, found: str) -> str:
    name = quoted_name(column)
    if found == _WITH_ZONE:  # times are naive UTC
        return f"{name} at time zone 'UTC'"
    return f"to_json({name})" if found.endswith("]") else name


def _value(column: str, type_: str) -> str:
    text = quoted_name(column)
    return f"cast({f'cast({text} as json)' if type_.endswith(']') else text} as {type_})"
