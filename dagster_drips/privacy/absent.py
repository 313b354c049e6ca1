"""Leads that are in their intake model no more, and that it says are to be erased: who waits for that.

An erasure makes the warehouse anew, so a tick does none: it suppresses at once, and leaves the rest to `drips forget
--absent`. Erasing itself is `forget`'s.
"""

from __future__ import annotations

from pathlib import Path

from dagster_drips.project import Project
from dagster_drips.sequences.intake_files import FORGET, intake_files
from dagster_drips.warehouse import has_warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))


def absent_leads(project: Project) -> list[str]:
    """The ids of leads that wait to be erased, sorted; none where the model does not say `absent: forget`.

    Raises:
        DripsError: a tick has the warehouse open.
    """
    model = intake_files(project).get("leads")
    if model is None or model.absent != FORGET or not has_warehouse(project):
        return []
    with open_warehouse(warehouse_of(project)) as warehouse:
        return [row["lead_id"] for row in warehouse.rows(_STATEMENTS["absent_leads"])]
