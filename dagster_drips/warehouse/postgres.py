"""PostgreSQL behind the port's verbs.

What belongs here: connecting, running statements, moving rows, and what the driver raises as what the port promises.
What does not: SQL of anybody (`postgres_sql` says how the port's is written there), forms of values (`postgres_rows`).
Every statement is a transaction by itself but inside `transaction`; readers never wait for a tick, and of those who
write the second one is told so.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_drips.errors import DripsError
from dagster_drips.extras import needs
from dagster_drips.warehouse.database import PostgresDatabase
from dagster_drips.warehouse.duckdb_file import SCHEMA, Warehouse, WarehouseBusy
from dagster_drips.warehouse.postgres_errors import PostgresError, PostgresMissesTable, PostgresOtherColumns, told
from dagster_drips.warehouse.postgres_relations import made_of, make, merged_into
from dagster_drips.warehouse.postgres_rows import column_type, copy_text, frame_of, number, type_name, with_structs
from dagster_drips.warehouse.postgres_sql import PARQUET, by_name, number_of_placeholders, translated
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

if TYPE_CHECKING:
    import polars as pl

with needs("postgres"):
    import psycopg2
    import psycopg2.extensions
    import psycopg2.extras

Parameters = Sequence[Any] | Mapping[str, Any]

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_SCHEMA_FILES = (*SCHEMA, Path(__file__).with_name("schema_postgres.sql"))
_PATIENCE_SECONDS = 5.0
_SECONDS_TO_CONNECT = 10
_MANY_ROWS = 2_000
"""So many new ones in a table, and plans are to know of them at once."""
_FROM_PARQUET = "_drips_parquet"
_writers: dict[tuple[tuple[str, str, str], int, int], PostgresWarehouse] = {}
"""By database, process and thread: what is being written."""


class PostgresWarehouse(Warehouse):
    """A connection to one PostgreSQL database.

    Args:
        connect: makes another one to the same.
        name: of the database, for words.
    """

    adds_columns_cheaply = True
    reads_files = False
    is_published = False

    def __init__(self, connect: Callable[[], psycopg2.extensions.connection], name: str):
        self._connect = connect
        self._name = name
        self._session = _typed(connect())

    def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run one statement for its effect; parameters as of `rows`."""
        made = None if parameters else made_of(sql)
        if made is not None:
            make(self, made)
            return
        changed = self._run(sql, parameters).rowcount
        table = merged_into(sql) if changed >= _MANY_ROWS else None
        if table and self.value(_STATEMENTS["is_much"], [changed, table]):
            self.analyze(table)

    def run(self, text: str) -> None:
        """Run statements that are PostgreSQL's already."""
        self._run_text(text, None).close()

    def tried(self, text: str) -> bool:
        """The same, but for a view whose columns are others than those that it has; whether it was run."""
        try:
            self.run(text)
        except PostgresOtherColumns:
            return False
        return True

    def shape(self, select: str) -> dict[str, int] | None:
        """Columns of a select and their types, by PostgreSQL's object ids; None where what it reads is not there."""
        try:
            cursor = self._run_text(f"select * from ({select}) as _drips_rows limit 0", None)
        except PostgresMissesTable:
            return None
        return {column[0]: column[1] for column in cursor.description or ()}

    def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """All rows of a small result, as dicts; parameters in order (`?`) or by name (`$name`)."""
        cursor = self._run(sql, parameters)
        names = _names(cursor)
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [with_structs(row) for row in rows] if any("." in name for name in names) else rows

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None where there is no row."""
        row = self._run(sql, parameters).fetchone()
        return row[0] if row else None

    def frame(self, sql: str, parameters: Parameters = ()) -> pl.DataFrame:
        """A whole result as a Polars frame; parameters as of `rows`."""
        cursor = self._run(sql, parameters)
        return frame_of(_names(cursor), [column[1] for column in cursor.description or ()], cursor.fetchall())

    def batches(self, sql: str, parameters: Sequence[Any] = (), size: int = 10_000) -> Iterator[list[dict[str, Any]]]:
        """The rows of a large result, `size` at a time, on a connection of its own; memory stays flat."""
        text, given = self._prepared(sql, parameters)
        session = _typed(self._connect(), autocommit=False)
        try:
            with told(), session.cursor("_drips_batches") as cursor:
                cursor.execute(text, given)
                while chunk := cursor.fetchmany(size):
                    names = _names(cursor)
                    yield [dict(zip(names, row, strict=True)) for row in chunk]
        finally:
            session.close()

    def append(self, table: str, frame: pl.DataFrame) -> int:
        """Append a frame's rows, columns matched by name; returns how many."""
        if frame.height:
            names = ", ".join(quoted_name(name) for name in frame.columns)
            with told(), self._session.cursor() as cursor:
                cursor.copy_expert(f"copy {table} ({names}) from stdin", copy_text(frame))
        return frame.height

    def append_rows(self, table: str, rows: Sequence[dict[str, Any]]) -> int:
        """Append a few rows given as dicts, cast to the table's types; returns how many."""
        if not rows:
            return 0
        import polars as pl

        return self.append(table, pl.DataFrame({name: [row[name] for row in rows] for name in rows[0]}, strict=False))

    def columns(self, table: str) -> dict[str, str]:
        """Column names and types of `schema.table`, in order; empty where there is no such table."""
        schema, _, name = table.rpartition(".")
        relation = ".".join(quoted_name(part) for part in (schema, name) if part)
        with told(), self._session.cursor() as cursor:
            cursor.execute(_STATEMENTS["columns"], [relation])
            return {name: type_name(formatted) for name, formatted in cursor.fetchall()}

    def write_parquet(self, select: str, path: Path) -> None:
        """Write a result to a Parquet file."""
        self.frame(select).write_parquet(path)

    def write_csv(self, select: str, path: Path) -> None:
        """Write a result to a CSV file without a header."""
        with told(), path.open("wb") as file, self._session.cursor() as cursor:
            cursor.copy_expert(f"copy ({select}) to stdout (format csv)", file)

    def fitting(self, column: str, sql_type: str) -> str:
        """SQL of a column's value in another type; null where it isn't one."""
        return f"raw.fitting(cast({column} as text), cast(null as {sql_type}))"

    def change_type(self, table: str, column: str, sql_type: str) -> None:
        """Give a column another type; views that stand in the way go, and the next tick makes them anew."""
        self.execute(_STATEMENTS["remakes"])
        super().change_type(table, column, sql_type)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All statements inside it take effect together, or none."""
        self.execute("begin")
        try:
            yield
        except BaseException:
            # Of a connection that is lost there is nothing left to take back.
            with suppress(PostgresError):
                self.execute("rollback")
            raise
        self.execute("commit")

    @contextmanager
    def by_keys(self) -> Generator[None]:
        """Statements inside it look few rows up by their keys, if there are few: plans know these tables.

        Not for one that fills the table that it asks: as that is said to be empty, each row would look through all
        that were put there before it (775,000 decisions of a first tick: not done in five minutes).
        """
        self.run("set enable_nestloop = on")
        try:
            yield
        finally:
            with suppress(PostgresError):
                self.run("reset enable_nestloop")

    @contextmanager
    def between_ticks(self) -> Generator[None]:
        """Inside it everything is as the last tick has left it; the next one waits for no more than the look at it.

        Raises:
            WarehouseBusy: another run is going on.
        """
        self.take_lock()
        try:
            self.run(_STATEMENTS["snapshot"])
        finally:
            self.value(_STATEMENTS["give_lock_back"])
        try:
            yield
        finally:
            with suppress(PostgresError):
                self.execute("rollback")

    @contextmanager
    def modest(self) -> Generator[None]:
        """Nothing: the server's memory is its own matter."""
        yield

    def prepare(self) -> None:
        """Create what is missing of the schemas `raw` and `journal`."""
        for file in _SCHEMA_FILES:
            self._run_text(file.read_text(encoding="utf-8"), None)

    def analyze(self, table: str) -> None:
        """Have plans know what a table holds by now: the server looks by itself, but only once a minute."""
        self.run(f"analyze {table}")

    def find_by(self, table: str, columns: Sequence[str]) -> None:
        """Have rows of a table found by a key without reading all of it; nothing is done where they are already."""
        _schema, name = (part.strip('"') for part in table.split(".")[-2:])
        key = ", ".join(map(quoted_name, columns))
        self.run(f"create index if not exists {quoted_name(f'{name[:40]}_by_key')} on {table} ({key})")

    def analyze_changed(self) -> None:
        """The same of each table that plans know nothing of, or that has changed much since they were told of it.

        The server looks at those of fifty rows and more: without this, one row of settings counts as hundreds.
        """
        self.run(_STATEMENTS["tell_changes"])
        for row in self.rows(_STATEMENTS["changed"]):
            self.analyze(row["relation"])

    def checkpoint(self) -> None:
        """The server does it by itself."""

    def close(self) -> None:
        """End the session, and with it its lock."""
        self._session.close()

    def take_lock(self) -> None:
        """Be the one that writes.

        Raises:
            WarehouseBusy: another run is going on.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.value(_STATEMENTS["take_lock"]):
            if time.monotonic() >= deadline:
                raise WarehouseBusy("another run is writing to it; wait until it has ended", file=self._name)
            time.sleep(0.1)

    def check(self) -> None:
        """See that texts compare as the rules say (T4, F3), and that schemas of our names are ours.

        Raises:
            DripsError: the database was made otherwise, or is somebody else's.
        """
        found = self.rows(_STATEMENTS["database"])[0]
        if not found["is_by_code_point"] or found["encoding_name"] != "UTF8":
            raise DripsError(
                "its texts don't compare by code point, or it is not in UTF-8: make it by create database … template"
                " template0 encoding 'UTF8' locale 'C.UTF-8'",
                file=self._name,
            )
        if taken := self.value(_STATEMENTS["taken_schemas"]):
            raise DripsError(
                f"it has something of others in schemas that are ours ({taken}); give the project its own database",
                file=self._name,
            )

    def _run(self, sql: str, parameters: Parameters) -> psycopg2.extensions.cursor:
        return self._run_text(*self._prepared(sql, parameters))

    def _run_text(self, text: str, given: Any) -> psycopg2.extensions.cursor:
        with told():
            cursor = self._session.cursor()
            cursor.execute(text, given)
            return cursor

    def _prepared(self, sql: str, parameters: Parameters) -> tuple[str, Any]:
        """What the driver is given: the text, and its parameters or None."""
        text = getattr(sql, "postgres", None) or str(sql)
        given: Any = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        text, given = self._with_parquet(text, given)
        if parts := by_name(text):
            begin, select = parts
            inner = translated(f"select * from ({select}) as _drips_rows limit 0", is_given=bool(given))
            names = ", ".join(map(quoted_name, _names(self._run_text(inner, given or None))))
            text = f"{begin} ({names}) {select}"
        return translated(text, is_given=bool(given)), given or None

    def _with_parquet(self, text: str, given: Any) -> tuple[str, Any]:
        """The statement with a temporary table in the place of the files that it reads: the server can't see them."""
        found = PARQUET.search(text)
        if found is None:
            return text, given
        if found["files"] == "?":
            place = number_of_placeholders(text[: found.start()])
            files = given[place]
            given = [*given[:place], *given[place + 1 :]]
        else:
            files = found["files"][1:-1].replace("''", "'")
        self._take_parquet([files] if isinstance(files, str) else files)
        return f"{text[: found.start()]}{_FROM_PARQUET}{text[found.end() :]}", given

    def _take_parquet(self, files: Sequence[str]) -> None:
        import polars as pl

        frame = pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed")
        columns = ", ".join(f"{quoted_name(name)} {column_type(dtype)}" for name, dtype in frame.schema.items())
        made = f"create or replace temp table {_FROM_PARQUET} ({columns})"
        self._run_text(translated(made, is_given=False), None)
        self.append(_FROM_PARQUET, frame)


@contextmanager
def opened_postgres(database: PostgresDatabase, *, read_only: bool, prepared: bool) -> Generator[Warehouse]:
    """A project's database, as `port.open_warehouse` says.

    Raises:
        WarehouseBusy: another run is writing.
        DripsError: the server is away or refuses us, the database compares texts otherwise, or whatever else it says
            that nobody caught before.
    """
    name = f"PostgreSQL {database.name}"
    here = (database.address, os.getpid(), threading.get_ident())
    if prepared and here in _writers:
        # Its session knows the relations already, which takes a new one longer than what it is asked.
        with _in_words(name):
            yield _writers[here]
        return
    with _in_words(name):
        warehouse = PostgresWarehouse(lambda: _connected(database), name)
        try:
            warehouse.execute(_STATEMENTS["session_read_only" if read_only else "session"])
            if not read_only and not prepared:
                warehouse.check()
                warehouse.take_lock()
                warehouse.prepare()
                _writers[here] = warehouse
            yield warehouse
        finally:
            if _writers.get(here) is warehouse:
                del _writers[here]
            warehouse.close()


@contextmanager
def _in_words(name: str) -> Generator[None]:
    """Whatever the server says that nobody caught, as the package's own error."""
    try:
        yield
    except duckdb.Error as error:
        raise DripsError(str(error), file=name) from error


def _connected(database: PostgresDatabase) -> psycopg2.extensions.connection:
    with told(), database.told():
        given = {} if database.of("PGCONNECT_TIMEOUT") else {"connect_timeout": _SECONDS_TO_CONNECT}
        return psycopg2.connect("", **given)


def _typed(session: psycopg2.extensions.connection, *, autocommit: bool = True) -> psycopg2.extensions.connection:
    """Values of its results are those that DuckDB gives."""
    session.autocommit = autocommit
    decimals = psycopg2.extensions.new_type((1700,), "numeric", lambda text, _: number(text))
    psycopg2.extensions.register_type(decimals, session)
    for register in (psycopg2.extras.register_default_json, psycopg2.extras.register_default_jsonb):
        register(session, loads=lambda text: text)
    return session


def _names(cursor: psycopg2.extensions.cursor) -> list[str]:
    return [column[0] for column in cursor.description or ()]
