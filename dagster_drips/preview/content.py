"""What content models say of the reader of a preview, from what the last tick made of them (M9).

Nothing is frozen here. For somebody made up it is the rows of the first key, so that the mail can be seen; a model that
no tick has made yet, or that fails, is missing, and the mail says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Any

import duckdb

from dagster_drips.pipeline.content import ModelFailed, columns_of, row_struct
from dagster_drips.project import Project
from dagster_drips.sequences.content_files import LEAD_KEY, ContentFile, content_files
from dagster_drips.sequences.schema import Step
from dagster_drips.sequences.step_content import content_of_step
from dagster_drips.templating.content import content_record
from dagster_drips.templating.sandbox import Record
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("reader.sql"))


def content_for(
    project: Project,
    step: Step,
    files: Mapping[str, str],
    *,
    lead_id: str | None,
    event: Mapping[str, Any] | None,
    reads_warehouse: bool = True,
) -> Record | None:
    """What `content` is in a step's templates; None where they name no model.

    Args:
        project: whose warehouse is asked.
        step: of the working files.
        files: its templates, by name.
        lead_id: the reader's; None: somebody made up.
        event: the row of `raw.events` that brought the reader, where one did.
        reads_warehouse: else all models are missing, as for who may not open it.

    Raises:
        DripsError: a tick has the warehouse open.
    """
    names = content_of_step(step, files)
    if not names:
        return None
    shown: dict[str, Any] = {}
    types: dict[str, Any] = {}
    models = content_files(project)
    if reads_warehouse and project.warehouse.exists():
        with open_warehouse(project.warehouse, read_only=True) as warehouse:
            for model in (models[name] for name in names if name in models):
                with suppress(ModelFailed, duckdb.Error):
                    columns = columns_of(warehouse, model.name, model.key)
                    rows = _rows(warehouse, model, columns, _key(model, lead_id, event))
                    types[model.name] = {"many": model.is_many, "columns": columns}
                    if rows:
                        shown[model.name] = rows if model.is_many else rows[0]
    record = content_record(json.dumps(shown), json.dumps(types))
    record.has_rows = True
    return record


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
    statement = Template(_STATEMENTS["content"]).safe_substitute(
        name=quoted_name(model.name), key=quoted_name(model.key), columns=row_struct(columns)
    )
    [row] = warehouse.rows(statement, {"of": key})
    return json.loads(row["shown"]) if row["shown"] else []
