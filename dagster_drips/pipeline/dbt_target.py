"""The warehouse as dbt finds it: what a profile is told for the length of a run, and whether that is what it takes.

What belongs here: dbt's side of which database is meant. What does not: choosing it (`warehouse.database`), running dbt
(`dbt_runner`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_drips.errors import DripsError
from dagster_drips.warehouse import Place, PostgresDatabase, open_warehouse
from dagster_drips.warehouse.database import POSTGRES

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_ON_DUCKDB = "duckdb"
_MODELS_ALONE = "spark"
_VARIABLE = "DRIPS_WAREHOUSE"
_EXTRAS = {
    "duckdb": (
        *("config_options", "extensions", "settings", "secrets", "attach", "filesystems", "remote", "plugins"),
        *("module_paths", "retries", "is_ducklake", "use_credential_provider", "flights", "motherduck_token"),
    ),
    POSTGRES: ("role", "search_path"),
}
"""By engine: what a profile may have that makes more of a run than its SQL."""
_PROFILE = "dbt_project/profiles.yml"


def target_of(place: Place, target: str) -> str:
    """The target for a warehouse: where a run has a file of its own, whatever the project's is, one that is a file.

    Raises:
        DripsError: models run on that engine, and nothing else does.
    """
    if target == _MODELS_ALONE:
        raise DripsError(f"models run on {target}, and ticks do not yet (docs/spark.md)", file="DRIPS_TARGET")
    return _ON_DUCKDB if isinstance(place, Path) and target == POSTGRES else target


def name_of(place: Place) -> str:
    """What SQL says of where it runs."""
    return place.stem if isinstance(place, Path) else place.name


def asked_of(place: Place) -> list[str]:
    """What SQL depends on beside files: on a server, which knows no `* exclude`, the columns that leads have."""
    if isinstance(place, Path):
        return []
    with open_warehouse(place, read_only=True) as warehouse:
        return [json.dumps(warehouse.columns("raw.leads"))]


def keeps_views(place: Place) -> bool:
    """Whether a table that is made anew leaves the views upon it; else they go with it, and dbt makes them again."""
    return isinstance(place, Path)


def told(place: Place, *, is_parse: bool) -> AbstractContextManager[None]:
    """Inside it a profile finds that warehouse; outside, the same process may run dbt for others."""
    if isinstance(place, PostgresDatabase):
        return place.told()
    return _told_of(_path_of_parse(place) if is_parse else str(place))


def check_profile(place: Place, target: str) -> None:
    """See that dbt, which has just parsed, writes where it is told to: replays and plans have files of their own.

    Raises:
        DripsError: the profile's target is no DuckDB file, or always the same one; or another database than ours.
    """
    from dbt.adapters.factory import FACTORY

    is_file = isinstance(place, Path)
    adapter: Any = FACTORY.adapters.get("duckdb" if is_file else POSTGRES)
    found = adapter.config.credentials if adapter else None
    if is_file and getattr(found, "path", None) != _path_of_parse(place):
        raise DripsError(
            f"the target {target} must be a DuckDB file that dbt is told at each run; write its path as"
            " \"{{ env_var('DRIPS_WAREHOUSE', 'FILE') }}\" (docs/existing-deployment.md)",
            file=_PROFILE,
        )
    if isinstance(place, PostgresDatabase) and (found is None or _database_of(found) != place.address):
        raise DripsError(
            f"the target {target} must be the PostgreSQL database that PGHOST, PGPORT and PGDATABASE name; write it as"
            " docs/postgres.md says",
            file=_PROFILE,
        )


def leaves_its_sql(manifest: Manifest) -> bool:
    """Whether there is no more to what dbt does with a project that it has just run than the SQL of its nodes."""
    from dbt.adapters.factory import FACTORY

    engine = str(manifest.metadata.adapter_type)
    adapter: Any = FACTORY.adapters.get(engine)
    credentials = adapter.config.credentials if adapter else None
    if credentials is None or any(getattr(credentials, name, None) for name in _EXTRAS[engine]):
        return False
    return not any(node.resource_type == "operation" for node in manifest.nodes.values())


def _database_of(credentials: Any) -> tuple[str, str, str]:
    return credentials.host, str(credentials.port), credentials.database


def _path_of_parse(file: Path) -> str:
    """dbt takes a parse over only where the warehouse has the same path; of that a parse needs the name alone."""
    return f"../data/{file.name}"


@contextmanager
def _told_of(warehouse: str) -> Generator[None]:
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = warehouse
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
