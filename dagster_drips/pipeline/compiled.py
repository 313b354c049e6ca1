"""Tables made again from what dbt has compiled, without dbt.

For replays, which run the same models hundreds of times in a row: dbt's own work on a model costs more than the
model. The SQL stays dbt's. Since the tick's instant stands in a table (T1), it is the same text at every tick. Whatever
is not a plain table of a plain SQL model is left to dbt.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import duckdb

from dagster_drips.pipeline.dbt_runner import NodeResult, Transform
from dagster_drips.warehouse import Warehouse


@dataclass(frozen=True)
class CompiledTable:
    """A model as dbt compiled it: where its table goes, and the select that fills it."""

    unique_id: str
    relation: str
    select: str


class CompiledTables:
    """What one dbt run made, to be made again in the same order as long as no model or macro changes."""

    def __init__(self) -> None:
        self._fingerprint = ""
        self._tables: list[CompiledTable] = []

    def learn(self, transform: Transform, results: list[NodeResult]) -> None:
        """Take over the models of a dbt run that went well; of one that has more than plain tables, nothing."""
        configs = [transform.manifest().nodes[result.unique_id].config.to_dict() for result in results]
        plain = all(
            config["materialized"] == "table" and not config.get("pre-hook") and not config.get("post-hook")
            for config in configs
        )
        if not plain or not all(result.status == "success" for result in results):
            self._fingerprint = ""
            return
        self._fingerprint = transform.fingerprint
        self._tables = [
            CompiledTable(result.unique_id, transform.relation(result.unique_id), transform.compiled[result.unique_id])
            for result in results
        ]

    def knows(self, transform: Transform) -> bool:
        """Whether the tables can be made again without dbt."""
        return self._fingerprint == transform.fingerprint

    def run(self, warehouse: Warehouse) -> list[NodeResult]:
        """Make them; what comes behind a failure is skipped, as dbt does."""
        results: list[NodeResult] = []
        failed = False
        for table in self._tables:
            began = time.monotonic()
            status, message = "skipped", ""
            if not failed:
                try:
                    warehouse.execute(f"create or replace table {table.relation} as ({table.select})")
                    status = "success"
                except duckdb.Error as error:
                    status, message, failed = "error", str(error), True
            results.append(NodeResult(table.unique_id, status, message, time.monotonic() - began, None))
        return results
