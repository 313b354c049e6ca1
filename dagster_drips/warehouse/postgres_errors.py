"""What PostgreSQL's driver raises, as what the port promises (`engine_errors`).

Only that belongs here; statements are `postgres`'s.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import duckdb

from dagster_drips.extras import needs

with needs("postgres"):
    import psycopg2

_MISSING = ("42P01", "3F000", "42703")
"""SQLSTATE: no such table, schema or column."""
_FORBIDDEN = "42501"
_OTHER_COLUMNS = "42P16"


class PostgresError(duckdb.Error):
    """PostgreSQL's words. As an error of the other engine it is what the port promises (`engine_errors`)."""


class PostgresRefusedRows(duckdb.DataError):
    """PostgreSQL's words of a row or a value."""


class PostgresOtherColumns(duckdb.Error):
    """PostgreSQL's words of a view that can't be replaced, as its columns are others."""


class PostgresMissesTable(duckdb.CatalogException):
    """PostgreSQL's words of a name that it doesn't know."""


@contextmanager
def told() -> Generator[None]:
    """What the driver raises, as what the port promises."""
    try:
        yield
    except psycopg2.Error as error:
        raise _as_promised(error) from error
    except ValueError as error:  # a text with a NUL, which no parameter may have
        raise PostgresRefusedRows(str(error)) from error


def _as_promised(error: psycopg2.Error) -> Exception:
    words = " ".join((error.diag.message_primary or str(error)).split())
    if error.pgcode in _MISSING:
        return PostgresMissesTable(words)
    if error.pgcode == _OTHER_COLUMNS:
        return PostgresOtherColumns(words)
    if error.pgcode == _FORBIDDEN:
        return PostgresError(f"{words}: its user must be allowed to make schemas and tables (docs/postgres.md)")
    refused = (psycopg2.DataError, psycopg2.IntegrityError, psycopg2.NotSupportedError, psycopg2.ProgrammingError)
    return PostgresRefusedRows(words) if isinstance(error, refused) else PostgresError(words)
