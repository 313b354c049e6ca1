"""DuckDB behind the few verbs that the rest of the package uses.

Another engine is another class with these verbs (`postgres`). DuckDB allows one writing process: open late, close
early, and never hold a connection while another process is to write.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_drips.errors import DripsError
from dagster_drips.warehouse.binding import without_frame_libraries
from dagster_drips.warehouse.quoting import quoted_name, quoted_text

if TYPE_CHECKING:
    import polars as pl

_PATIENCE_SECONDS = 5.0
# Characters of an engine's message that are told: it likes to repeat the statement.
_WORDS = 500
_MODEST_MEGABYTES = (128, 256, 512)
_SMALL_BYTES = 128 << 20
"""Of a file. Below that a second thread takes a fifth more of the processors and saves next to no time: DuckDB shares
work out by blocks of 122,880 rows, and there are few of them."""
STORAGE = "storage_version 'v1.3.0'"
"""How new files are written, as an option of `attach`; DuckDB 1.3 and newer read them. By itself DuckDB 1.5 writes what
0.10 could read, which lacks the compression of texts by dictionary and FSST in one: without it a table of ids takes
half as long again to write."""
SCHEMA = tuple(Path(__file__).with_name(name) for name in ("schema.sql", "schema_journal.sql"))
"""Tables that dbt does not own, in SQL that every engine takes."""


class WarehouseBusy(DripsError):
    """Another process has the file open."""


class Warehouse:
    """A connection to one DuckDB file."""

    adds_columns_cheaply = False
    """Whether another column costs the same however many a table has."""
    reads_files = True
    """Whether a statement may name files of this machine."""
    is_published = True
    """Whether marts are copied for who only reads, as nobody can beside a tick."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        """Run one statement for its effect; parameters as of `rows`."""
        self._execute(sql, parameters)

    def _execute(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        connection: duckdb.DuckDBPyConnection | None = None,
    ) -> duckdb.DuckDBPyConnection:
        connection = connection or self._connection
        if not parameters:
            return connection.execute(sql)
        given = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        with without_frame_libraries():
            return connection.execute(sql, given)

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """All rows of a small result, as dicts; parameters in order (`?`) or by name (`$name`)."""
        cursor = self._execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None where there is no row."""
        rows = self._execute(sql, parameters).fetchall()
        return rows[0][0] if rows else None

    def frame(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pl.DataFrame:
        """A whole result as a Polars frame; parameters as of `rows`."""
        # Imported late, here and below: 0.2 s that whoever reads rows alone need not wait for.
        import polars as pl

        given = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        with without_frame_libraries():
            return pl.DataFrame(self._connection.sql(sql, params=given or None))

    def batches(self, sql: str, parameters: Sequence[Any] = (), size: int = 10_000) -> Iterator[list[dict[str, Any]]]:
        """The rows of a large result, `size` at a time; memory stays flat.

        The result is read on a connection of its own, so the caller may write meanwhile.
        """
        cursor = self._connection.cursor()
        try:
            result = self._execute(sql, parameters, cursor)
            names = [column[0] for column in result.description or ()]
            while chunk := result.fetchmany(size):
                yield [dict(zip(names, row, strict=True)) for row in chunk]
        finally:
            cursor.close()

    def append(self, table: str, frame: pl.DataFrame) -> int:
        """Append a frame's rows, columns matched by name; returns how many.

        Columns of the table that the frame lacks become NULL.
        """
        if frame.height:
            with self._registered(frame):
                self._connection.execute(f"insert into {table} by name select * from _appended")
        return frame.height

    def append_rows(self, table: str, rows: Sequence[dict[str, Any]]) -> int:
        """Append a few rows given as dicts, cast to the table's types; returns how many."""
        if not rows:
            return 0
        import polars as pl

        types = self.columns(table)
        names = list(rows[0])
        frame = pl.DataFrame({name: [row[name] for row in rows] for name in names}, strict=False)
        casts = ", ".join(f"cast({quoted_name(name)} as {types[name]}) as {quoted_name(name)}" for name in names)
        with self._registered(frame):
            self._connection.execute(f"insert into {table} by name select {casts} from _appended")
        return len(rows)

    def columns(self, table: str) -> dict[str, str]:
        """Column names and types of `schema.table`, in order; empty where there is no such table."""
        schema, _, name = table.rpartition(".")
        try:
            # A sixth of what `information_schema` takes, which lists every column that there is.
            rows = self.rows(f"describe {quoted_name(schema or 'main')}.{quoted_name(name)}")
        except duckdb.CatalogException:
            return {}
        return {row["column_name"]: row["column_type"] for row in rows}

    def write_parquet(self, select: str, path: Path) -> None:
        """Write a result to a Parquet file."""
        self._connection.execute(f"copy ({select}) to {quoted_text(str(path))} (format parquet)")

    def write_csv(self, select: str, path: Path) -> None:
        """Write a result to a CSV file without a header, as PostgreSQL's COPY writes it."""
        options = "format csv, header false, nullstr '', quote '\"', escape '\"'"
        self._connection.execute(f"copy ({select}) to {quoted_text(str(path))} ({options})")

    def fitting(self, column: str, sql_type: str) -> str:
        """SQL of a column's value in another type; null where it isn't one. Both come quoted, or are ours."""
        return f"try_cast({column} as {sql_type})"

    def change_type(self, table: str, column: str, sql_type: str) -> None:
        """Give a column another type; what does not fit it becomes null. All three come quoted, or are ours."""
        using = self.fitting(column, sql_type)
        self.execute(f"alter table {table} alter {column} set data type {sql_type} using {using}")

    @contextmanager
    def _registered(self, frame: pl.DataFrame) -> Generator[None]:
        """The frame as the view `_appended`."""
        with without_frame_libraries():
            self._connection.register("_appended", _ArrowStream(_without_null_type(frame)))
            try:
                yield
            except duckdb.Error:
                # In a transaction that the error aborted, DuckDB 2 lets nothing be taken away; what went wrong is told.
                with suppress(duckdb.Error):
                    self._connection.unregister("_appended")
                raise
            self._connection.unregister("_appended")

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All statements inside it take effect together, or none."""
        self._connection.execute("begin")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    @contextmanager
    def by_keys(self) -> Generator[None]:
        """Statements inside it look few rows up by their keys, if there are few: DuckDB reads blocks that can match."""
        yield

    @contextmanager
    def between_ticks(self) -> Generator[None]:
        """Inside it everything is as the last tick has left it: nobody else can have the file open for writing."""
        yield

    @contextmanager
    def modest(self) -> Generator[None]:
        """Statements inside it take one thread and little memory, and spill to disk sooner: for work beside which
        something else needs the machine."""
        shown, unit = str(self.value("select current_setting('memory_limit')")).split()
        # Without it what the tick has just written stands in the way: thousands of columns are a block of memory each.
        with suppress(duckdb.TransactionException):
            self._connection.execute("checkpoint")
        self._connection.execute("set threads = 1")
        for megabytes in _MODEST_MEGABYTES:
            # What was written a moment ago, and not to the file, can't be let go of.
            with suppress(duckdb.OutOfMemoryException):
                self._execute("set memory_limit = ?", [f"{megabytes}MB"])
                break
        try:
            yield
        finally:
            self._connection.execute("reset threads")
            # DuckDB 1.5 forgets the setting at `reset`, and keeps to the limit. What it shows is cut off after a digit:
            # half of one more, and it does not shrink from time to time.
            self._execute("set memory_limit = ?", [f"{float(shown) + 0.05:.2f} {unit}"])

    def prepare(self) -> None:
        """Create what is missing of the schemas `raw` and `journal`."""
        for file in SCHEMA:
            self._connection.execute(file.read_text(encoding="utf-8"))

    def analyze(self, table: str) -> None:
        """Have plans know what a table holds by now, after many rows went in: DuckDB's do."""

    def find_by(self, table: str, columns: Sequence[str]) -> None:
        """Have rows of a table found by a key without reading all of it: DuckDB reads blocks that can match alone.

        Args:
            table: its quoted name.
            columns: of the key.
        """

    def analyze_changed(self) -> None:
        """Have plans know what all tables hold by now: DuckDB's do."""

    @property
    def folder(self) -> Path | None:
        """Of the file; None where it is none of this machine's."""
        file = self.value("select path from duckdb_databases() where database_name = current_database()")
        return Path(file).parent if file else None

    def checkpoint(self) -> None:
        """Fold DuckDB's write-ahead log into the file."""
        self._connection.execute("checkpoint")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _connected(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    # A reader such as `drips status` holds the file for a moment; a tick outlasts it.
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _make_file(path: Path) -> None:
    """A file without tables, which keeps how it is to be written, whoever opens it."""
    # Whatever stands in the way is told by who opens it next, who waits for another process that makes it just now.
    with duckdb.connect() as connection, suppress(duckdb.IOException):
        connection.execute(f"attach {quoted_text(str(path))} as made ({STORAGE})")
        connection.execute("detach made")


def _is_busy(error: duckdb.IOException) -> bool:
    return "lock" in str(error).lower()


class _ArrowStream:
    """What DuckDB needs to scan a frame without pyarrow: the Arrow stream protocol and nothing else."""

    def __init__(self, frame: pl.DataFrame):
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def _without_null_type(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with texts for columns of nothing but nulls: DuckDB 2 reads no Arrow column of the type null."""
    typed = {name: _typed(dtype) for name, dtype in frame.schema.items()}
    return frame.cast({name: dtype for name, dtype in typed.items() if dtype != frame.schema[name]})


def _typed(dtype: Any) -> Any:
    import polars as pl

    if dtype == pl.Null:
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(_typed(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct([pl.Field(field.name, _typed(field.dtype)) for field in dtype.fields])
    return dtype


def _in_words(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.IOException) and _is_busy(error):
        return "another process has it open; wait for the running tick, or read data/published instead"
    text = " ".join(str(error).split())
    return text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"


@contextmanager
def opened_duckdb(path: Path, *, read_only: bool, prepared: bool) -> Generator[Warehouse]:
    """The warehouse in that file, as `opening.open_warehouse` says; its folder is made where it is missing.

    Raises:
        WarehouseBusy: another process holds the file.
        DripsError: it can't be read, or whatever else the engine says that nobody caught before: a full disk, no
            memory, a fault of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _opened(path, read_only, prepared or read_only) as warehouse:
            yield warehouse
    except duckdb.IOException as error:
        raise (WarehouseBusy if _is_busy(error) else DripsError)(_in_words(error), file=path) from error
    except duckdb.Error as error:
        raise DripsError(_in_words(error), file=path) from error


@contextmanager
def _opened(path: Path, read_only: bool, prepared: bool) -> Generator[Warehouse]:
    if not read_only and not path.exists():
        _make_file(path)
    connection = _connected(path, read_only)
    # It would print onto stdout, where --json goes.
    connection.execute("set enable_progress_bar = false")
    if not read_only and path.stat().st_size < _SMALL_BYTES:
        connection.execute("set threads = 1")
    warehouse = Warehouse(connection)
    try:
        if not prepared:
            warehouse.prepare()
        yield warehouse
    finally:
        warehouse.close()
