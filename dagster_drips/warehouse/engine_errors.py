"""What engines raise, by what it means to whoever asked.

DuckDB raises these by itself, and what PostgreSQL's driver raises is raised as one of them (`postgres`), so that no
room above this one has to know which engine it asks. Functions all of them, to be called where something is caught: a
look into the library imports it, threads and all (`orchestration.warm`).
"""

from __future__ import annotations

import duckdb


def engine_error() -> type[Exception]:
    """Whatever an engine says of a statement."""
    return duckdb.Error


def rows_refused() -> tuple[type[Exception], ...]:
    """Because of the rows it was given; of the rest (a full disk, no memory) no file is guilty."""
    return duckdb.DataError, duckdb.ProgrammingError, duckdb.IntegrityError, duckdb.NotSupportedError
