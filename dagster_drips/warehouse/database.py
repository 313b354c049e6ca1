"""Which database a project's warehouse is: a DuckDB file, or one of a PostgreSQL server.

The server is named by libpq's own variables (`PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD`, and whatever
else libpq reads, such as `PGSSLMODE` and `PGPASSFILE`), from the environment or the project's `.env`; dbt's profile
reads the same. What belongs here: choosing, and those variables. Connecting is `postgres`'s; nothing here imports a
driver.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from dagster_drips.errors import DripsError
from dagster_drips.project import Project

POSTGRES = "postgres"
"""The target (`DRIPS_TARGET`) that is a PostgreSQL database; every other one is a DuckDB file."""
_TARGET = "DRIPS_TARGET"
_LIBPQ = "PG"
_OPTIONS = {"PGOPTIONS": "-c jit=off -c enable_nestloop=off -c work_mem=64MB"}
"""Where nobody sets others. Compiling a view upon many views takes minutes, and running it none. Of a query within a
query the planner takes thousands of rows for a few, and would compare each with each, as there is no index."""


@dataclass(frozen=True)
class PostgresDatabase:
    """A database of a PostgreSQL server.

    Args:
        variables: libpq's, as far as the project's `.env` has them and the environment has not.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @property
    def name(self) -> str:
        """As people know it: `host:port/database`, by what is set."""
        return "{}:{}/{}".format(*self.address)

    @property
    def address(self) -> tuple[str, str, str]:
        """Host, port and the database's name on the server, by what is set."""
        database = self.of("PGDATABASE", self.of("PGUSER", "drips"))
        return self.of("PGHOST", "localhost"), self.of("PGPORT", "5432"), database

    def of(self, variable: str, default: str = "") -> str:
        """What one of libpq's variables says."""
        return os.environ.get(variable) or self.variables.get(variable) or default

    @contextmanager
    def told(self) -> Generator[None]:
        """Inside it libpq, and dbt's profile, find the server; outside, the same process may ask others."""
        wanted = _OPTIONS | dict(self.variables)
        missing = {name: value for name, value in wanted.items() if not os.environ.get(name)}
        os.environ.update(missing)
        try:
            yield
        finally:
            for name in missing:
                os.environ.pop(name, None)


Place = Path | PostgresDatabase
"""Where a warehouse is."""


def need_file(project: Project) -> None:
    """For who asks a copy of the file, or writes SQL that DuckDB alone takes.

    Raises:
        DripsError: the project's warehouse is no file.
    """
    place = warehouse_of(project)
    if isinstance(place, PostgresDatabase):
        raise DripsError("this runs on DuckDB alone so far (docs/postgres.md)", file=f"PostgreSQL {place.name}")


def warehouse_of(project: Project, target: str | None = None) -> Place:
    """A project's own warehouse, whatever is wrong with its settings.

    Args:
        project: whose.
        target: of dbt; the one that `DRIPS_TARGET` names where None.
    """
    written = _env_file(project)
    if (target or os.environ.get(_TARGET) or written.get(_TARGET)) != POSTGRES:
        return project.warehouse
    return PostgresDatabase({name: value for name, value in written.items() if name.startswith(_LIBPQ)})


def _env_file(project: Project) -> dict[str, str]:
    # A file that can't be read is told by whoever wants settings from it.
    try:
        found = dotenv_values(project.root / ".env", encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return {name.upper(): value for name, value in found.items() if value}
