"""Where intake compares rows: in the warehouse, or of a server in a DuckDB file beside it for as long as it takes.

Digests of rows are one engine's, so that what was landed before a project moved to another is known there. What belongs
here: bringing rows to where they are compared, and what is known of them back. What does not: comparing
(`intake_rows`).
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.pipeline.scratch import scratch_folder
from dagster_drips.project import Project
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.copies import copy_relations
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

_KNOWN = ("raw.intake_rows", "raw.intake_files", "raw.forgotten")
_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_PART = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True)
class IntakeWarehouse:
    """The warehouse that rows are compared in.

    Args:
        warehouse: what is known of rows, to be asked and changed there.
        server: the warehouse that models are in, where that is another.
    """

    warehouse: Warehouse
    server: Warehouse | None = None

    def relation(self, relation: str) -> str:
        """A model as it can be asked there; its rows are brought there where they are elsewhere.

        Args:
            relation: its quoted name, as dbt has it.

        Raises:
            duckdb.Error: it can't be read.
        """
        if self.server is None:
            return relation
        schema, name = (part.replace('""', '"') for part in _PART.findall(relation)[-2:])
        copy_relations(self.server, self.warehouse, [f"{schema}.{name}"], number="VARCHAR")
        return f"{quoted_name(schema)}.{quoted_name(name)}"

    def bring_leads(self) -> None:
        """What is known of leads, for who looks for those that are gone."""
        if self.server is not None:
            self.warehouse.execute(_STATEMENTS["drop_leads"])
            copy_relations(self.server, self.warehouse, ["raw.leads"])


@contextmanager
def intake_warehouse(project: Project, warehouse: Warehouse) -> Generator[IntakeWarehouse]:
    """Inside it rows can be compared; what is known of them then is the warehouse's afterwards.

    Args:
        project: whose intake.
        warehouse: open for writing.
    """
    if warehouse.reads_files:
        yield IntakeWarehouse(warehouse)
        return
    # DuckDB calls the file's catalog by its name, which is to be no schema's.
    with scratch_folder(project) as scratch, open_warehouse(scratch / "drips_intake.duckdb", prepared=True) as beside:
        copy_relations(warehouse, beside, _KNOWN)
        for name in ("rows_before", "files_before"):
            beside.execute(_STATEMENTS[name])
        yield IntakeWarehouse(beside, warehouse)
        _bring_back(beside, warehouse)


def _bring_back(beside: Warehouse, warehouse: Warehouse) -> None:
    rows, files = beside.frame(_STATEMENTS["changed_rows"]), beside.frame(_STATEMENTS["new_files"])
    if rows.is_empty() and files.is_empty():
        return
    warehouse.execute(_STATEMENTS["begin"])
    warehouse.append("intake_changed", rows)
    warehouse.analyze("intake_changed")
    with warehouse.transaction():
        for name in ("forget", "keep"):
            warehouse.execute(_STATEMENTS[name])
        warehouse.append("raw.intake_files", files)
    warehouse.execute(_STATEMENTS["end"])
