"""What a tick can't do on the project's engine, told before anything is done.

Only saying so belongs here; which engine lacks what is the port's (`Warehouse.lacks`).
"""

from __future__ import annotations

from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequences.content_files import content_paths
from dagster_drips.sequences.intake_files import intake_paths
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


def check_engine(project: Project, warehouse: Warehouse) -> None:
    """See that the engine can do all that the project asks for.

    Args:
        project: whose models.
        warehouse: open for writing.

    Raises:
        DripsError: it can't, or a rebuild has not ended.
    """
    if not warehouse.lacks:
        return
    if warehouse.value(_STATEMENTS["is_rebuilding"]):
        raise DripsError("a rebuild of this warehouse has not ended: run `drips rebuild` again")
    asked = {"content": content_paths(project), "intake": intake_paths(project)}
    for name in sorted(warehouse.lacks):
        if asked[name]:
            raise DripsError(f"{name} models run on DuckDB alone so far (docs/postgres.md)", file=asked[name][0])
