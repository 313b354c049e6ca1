"""What content models say of the reader of a preview, from what the last tick made of them (M9).

Nothing is frozen here. For somebody made up it is the rows of the first key, so that the mail can be seen; where there
are none, or no tick has made the model yet, those that the sequence's `tests.yml` gives. Else a model is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_drips.pipeline.content import ModelFailed, columns_of, row_struct
from dagster_drips.project import Project
from dagster_drips.sequences.content_files import LEAD_KEY, ContentFile, content_files
from dagster_drips.sequences.schema import Step
from dagster_drips.sequences.step_content import content_of_step
from dagster_drips.sequences.tests_file import given_content
from dagster_drips.templating.content import content_record
from dagster_drips.templating.sandbox import Record
from dagster_drips.warehouse import Warehouse, has_warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("reader.sql"))


@dataclass(frozen=True)
class ReadersContent:
    """What content models say of a reader.

    Args:
        record: what `content` is in templates.
        made_up: models of which the rows are those of the sequence's `tests.yml`.
    """

    record: Record
    made_up: tuple[str, ...] = ()

    def lacking(self, models: Iterable[str], columns: Iterable[tuple[str, str]]) -> list[str]:
        """Of these models, and of these columns of single rows, what this reader has no value of, with why."""
        found = [f"content.{model} (no row)" for model in models if not self.record.get(model)]
        for model, column in sorted(columns):
            row = self.record.get(model)
            if isinstance(row, Record) and row.get(column) is None:
                why = "NULL in its row" if column in row.nulls else "no such column"
                found.append(f"content.{model}.{column} ({why})")
        return found


def content_for(
    project: Project,
    sequence_id: str,
    step: Step,
    files: Mapping[str, str],
    *,
    lead_id: str | None,
    event: Mapping[str, Any] | None,
    reads_warehouse: bool = True,
) -> ReadersContent | None:
    """What `content` is in a step's templates; None where they name no model.

    Args:
        project: whose warehouse is asked.
        sequence_id: whose tests are asked where that has nothing to show to somebody made up.
        step: of the working files.
        files: its templates, by name.
        lead_id: the reader's; None: somebody made up.
        event: the row of `raw.events` that brought the reader, where one did.
        reads_warehouse: else no model is asked, as for who may not open it.

    Raises:
        DripsError: a tick has the warehouse open.
    """
    names = content_of_step(step, files)
    if not names:
        return None
    shown: dict[str, Any] = {}
    types: dict[str, Any] = {}
    models = content_files(project)
    for model in (models[name] for name in names if name in models and models[name].is_many):
        types[model.name] = {"many": True, "columns": {}}
    if reads_warehouse and has_warehouse(project):
        with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
            for model in (models[name] for name in names if name in models):
                with suppress(ModelFailed, duckdb.Error):
                    columns = columns_of(warehouse, model.name, model.key)
                    rows = _rows(warehouse, model, columns, _key(model, lead_id, event))
                    types[model.name] = {"many": model.is_many, "columns": columns}
                    if rows:
                        shown[model.name] = rows if model.is_many else rows[0]
    made_up: list[str] = []
    if lead_id is None or not reads_warehouse:
        given = given_content(project, sequence_id)
        for model in (models[name] for name in names if name in models and name in given and name not in shown):
            made_up.append(model.name)
            rows, columns = _of_tests(given[model.name], model.key)
            shown[model.name] = rows if model.is_many else rows[0]
            types[model.name] = {"many": model.is_many, "columns": types.get(model.name, {}).get("columns") or columns}
    record = content_record(json.dumps(shown, default=str), json.dumps(types))
    return ReadersContent(record, tuple(made_up))


def _of_tests(rows: list[dict[str, Any]], key: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of the first key, in the order of their columns where these can be compared, and columns with types."""
    of_key = [row for row in rows if row.get(key) == rows[0].get(key)]
    values = [value for row in of_key for value in row.items()]
    columns = {name: "VARCHAR" for name, _ in values}
    for name, value in values:
        if isinstance(value, (date, datetime)):
            columns[name] = "TIMESTAMP" if isinstance(value, datetime) else "DATE"
    whole = [{name: row.get(name) for name in columns} for row in of_key]
    with suppress(TypeError):
        whole.sort(key=lambda row: [(value is None, value) for value in row.values()])
    return whole, columns


def _key(model: ContentFile, lead_id: str | None, event: Mapping[str, Any] | None) -> str | None:
    """The reader's key; None: any will do."""
    if model.key == LEAD_KEY:
        return lead_id
    if event is None:
        return None
    if model.key == "event_id":
        return str(event["event_id"])
    value = json.loads(event.get("properties") or "{}").get(model.key)
    return None if value is None else value if isinstance(value, str) else json.dumps(value)


def _rows(warehouse: Warehouse, model: ContentFile, columns: Mapping[str, str], key: str | None) -> list[Any]:
    statement = _STATEMENTS["content"].substitute(
        name=quoted_name(model.name), key=quoted_name(model.key), columns=row_struct(columns)
    )
    [row] = warehouse.rows(statement, {"of": key})
    return json.loads(row["shown"]) if row["shown"] else []
