"""What due messages show of content models: made by dbt, asked for what is due alone, frozen before it is sent (M9).

A content model that fails, for whatever reason, is a row of `raw.content_failures`: it holds the sequences that use it
and nothing else. Here belong making the models and freezing their rows; which step uses which is
`sequences.step_content`'s, how a template reads frozen content `templating.content`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dagster_drips.pipeline.dbt_runner import CONTENT, Transform, TransformFailed
from dagster_drips.pipeline.failure_words import failure_words
from dagster_drips.pipeline.gates import decided_at
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.project import Project
from dagster_drips.sequences.content_files import content_files
from dagster_drips.warehouse import Warehouse, engine_error
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

MAX_ROWS = 1_000
"""Of one key, in one message."""
MAX_BYTES = 1_000_000
"""Characters of one model's rows in one message, as JSON."""
_STATEMENTS = named_statements(Path(__file__).with_name("content.sql"))
_KEPT_OPEN = ("close", "close_parts", "close_shown", "close_keys")


@dataclass(frozen=True)
class ContentFailure:
    """A content model that due steps asked for in vain, its file below the project, and why, in one line."""

    content: str
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


def note_content_models(project: Project, warehouse: Warehouse) -> None:
    """Make `raw.content_models` what the files say; nothing is written where it does."""
    files = content_files(project)
    known = {row["content"]: row for row in warehouse.rows(_STATEMENTS["models"])}
    rows = [
        {
            "content": one.name,
            "key": one.key,
            "is_many": one.is_many,
            "fingerprint": known.get(one.name, {}).get("fingerprint"),
            "failure": known.get(one.name, {}).get("failure"),
        }
        for one in files.values()
    ]
    _write_models(warehouse, known, rows)


def make_content_models(project: Project, transform: Transform, warehouse: Warehouse) -> list[NodeResult]:
    """Have dbt make the models: views where the dbt project has changed or one of them failed, and tables at each tick.

    A model that fails leaves its words beside it, and stops nothing.
    """
    known = {row["content"]: row for row in warehouse.rows(_STATEMENTS["models"])}
    if not known:
        return []
    unreadable = transform.unreadable_content
    fingerprint = transform.fingerprint
    stand = all(row["fingerprint"] == fingerprint and row["failure"] is None for row in known.values())
    try:
        # Views hold no data; tables are made anew at each tick, as those that decide are.
        results = transform.run("run", CONTENT, exclude=["config.materialized:view"] if stand else [])
    except TransformFailed as error:
        results, unreadable = [], {name: failure_words(error.message) for name in known}
    made = {result.name: result for result in results}
    rows = []
    for name, row in known.items():
        result = made.get(name)
        failure = unreadable.get(name)
        if failure is None and result is not None and result.status != "success":
            failure = failure_words(result.message) or "a model that it reads failed"
        rows.append({**row, "fingerprint": fingerprint, "failure": failure})
    _write_models(warehouse, known, rows)
    return results


def expect_content(project: Project, warehouse: Warehouse) -> None:
    """Begin a decision: no model has failed, but those that had when this tick decided first; nothing is declined."""
    note_content_models(project, warehouse)
    if warehouse.value(_STATEMENTS["number_of_declined"]):
        warehouse.execute(_STATEMENTS["forget_declined"])
    failures: list[ContentFailure] = []
    if decided_at(warehouse) is not None:
        known = warehouse.rows(_STATEMENTS["known_failures"])
        failures = [_known_failure(row["content"], row["reason"]) for row in known]
    set_failures(warehouse, failures)


def set_failures(warehouse: Warehouse, failures: list[ContentFailure]) -> bool:
    """Make these the models that fail at this tick; returns whether others did."""
    by_name = {one.content: asdict(one) for one in failures}
    rows = [by_name[name] for name in sorted(by_name)]
    if warehouse.rows(_STATEMENTS["failures"]) == rows:
        return False
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_failures"])
        warehouse.append_rows("raw.content_failures", rows)
    return True


def freeze_content(warehouse: Warehouse) -> list[ContentFailure]:
    """Write `raw.due_content` for what is due; returns the models that fail for it, whose steps are not in there.

    Nothing is done where no template of a live sequence names a content model.
    """
    if not warehouse.value(_STATEMENTS["is_used"]):
        if not warehouse.value(_STATEMENTS["shows_nothing"]):
            warehouse.execute(_STATEMENTS["forget_shown"])
        return []
    warehouse.execute(_STATEMENTS["keys"])
    asked = warehouse.rows(_STATEMENTS["asked"])
    failures: list[ContentFailure] = []
    types: dict[str, Any] = {}
    warehouse.execute(_STATEMENTS["shown_before"])
    warehouse.execute(_STATEMENTS["parts"])
    for row in asked:
        try:
            columns = _columns(warehouse, row)
            _add_part(warehouse, row, columns)
            _refuse_too_many(warehouse, row)
            types[row["content"]] = {"many": row["is_many"], "columns": columns}
        except ModelFailed as error:
            failures.append(ContentFailure(row["content"], file_of(row["content"]), str(error)))
        except engine_error() as error:
            failures.append(ContentFailure(row["content"], file_of(row["content"]), failure_words(str(error))))
    if not failures:
        warehouse.execute(_STATEMENTS["show"], [json.dumps(types, ensure_ascii=False, separators=(",", ":"))])
        with warehouse.transaction():
            warehouse.execute(_STATEMENTS["forget_shown"])
            warehouse.execute(_STATEMENTS["keep_shown"])
    for statement in _KEPT_OPEN:
        warehouse.execute(_STATEMENTS[statement])
    return failures


class ModelFailed(Exception):
    """A content model can't be asked; the text says why, in one line."""


def file_of(content: str) -> str:
    """A content model's file, relative to the project folder."""
    return f"dbt_project/models/content/{content}.sql"


def columns_of(warehouse: Warehouse, content: str, key: str) -> dict[str, str]:
    """The columns of a content model and their types.

    Raises:
        ModelFailed: there is no such model in the warehouse, or it lacks its key.
    """
    columns = warehouse.columns(f"content.{content}")
    if not columns:
        raise ModelFailed("no tick has made it yet")
    if key.lower() not in map(str.lower, columns):
        named = ", ".join(columns)
        raise ModelFailed(f"it has no column '{key}', by which its rows are found; it has {named}")
    return columns


def row_struct(columns: Mapping[str, str]) -> str:
    """A struct of a model's columns, as they are frozen."""
    fields = ", ".join(f"{quoted_name(name)} := model.{quoted_name(name)}" for name in columns)
    return f"struct_pack({fields})"


def _columns(warehouse: Warehouse, row: dict[str, Any]) -> dict[str, str]:
    if row["is_missing"]:
        raise ModelFailed("there is no such file, and a template names this content model")
    if row["failure"]:
        raise ModelFailed(row["failure"])
    return columns_of(warehouse, row["content"], row["key"])


def _add_part(warehouse: Warehouse, row: dict[str, Any], columns: Mapping[str, str]) -> None:
    statement = _STATEMENTS["add_rows" if row["is_many"] else "add_row"]
    warehouse.execute(
        statement.substitute(
            name=quoted_name(row["content"]),
            literal=quoted_text(row["content"]),
            key=quoted_name(row["key"]),
            columns=row_struct(columns),
        )
    )


def _refuse_too_many(warehouse: Warehouse, row: dict[str, Any]) -> None:
    most = MAX_ROWS if row["is_many"] else 1
    found = warehouse.rows(_STATEMENTS["too_many"], [row["content"], most, MAX_BYTES])
    if not found:
        return
    key = f"{row['key']} '{found[0]['key_value']}'"
    if found[0]["number"] > most:
        promised = f"more than {MAX_ROWS}" if row["is_many"] else "and one was promised"
        raise ModelFailed(f"{found[0]['number']} rows of {key}, {promised}")
    raise ModelFailed(f"the rows of {key} have {found[0]['length']} characters, more than {MAX_BYTES}")


def _known_failure(content: str, reason: str) -> ContentFailure:
    file = file_of(content)
    return ContentFailure(content, file, reason.removeprefix(f"{file}: "))


def _write_models(warehouse: Warehouse, known: Mapping[str, dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    if rows == list(known.values()):
        return
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_models"])
        warehouse.append_rows("raw.content_models", rows)
