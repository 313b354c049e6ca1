"""Intake: rows of the project's intake models that have changed, landed as files before a tick loads what was landed.

What a source table says becomes a file like any other, and files stay what everything is made from: quarantine, replay,
rebuild and erasure know nothing of intake. A model that fails lands nothing, and neither another model nor the tick
waits for it. Here belong which models there are, making them, and what is said of those that fail; comparing and
landing their rows is `intake_rows`' matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.landing.forgotten import load_forgotten
from dagster_drips.pipeline.dbt_package import PACKAGE_NAME
from dagster_drips.pipeline.dbt_runner import Transform, TransformFailed
from dagster_drips.pipeline.failure_words import failure_words
from dagster_drips.pipeline.intake_rows import (
    IntakeFailed,
    compare,
    find_gone,
    land_gone,
    land_news,
    let_go,
    note_landed,
)
from dagster_drips.pipeline.intake_warehouse import IntakeWarehouse, intake_warehouse
from dagster_drips.pipeline.node_result import NodeResult
from dagster_drips.pipeline.segments import is_read, parse_readable
from dagster_drips.project import Project
from dagster_drips.sequences.intake_files import IntakeFile, intake_files, intake_problems
from dagster_drips.sequences.problems import Problem
from dagster_drips.warehouse import Warehouse, engine_error
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_OF_PRODUCT = (f"model.{PACKAGE_NAME}.", f"source.{PACKAGE_NAME}.", f"seed.{PACKAGE_NAME}.")
_EXAMPLE = "; the first is "
"""What comes behind it in a problem is somebody's, and is told to whoever runs a tick alone."""


@dataclass(frozen=True)
class IntakeReport:
    """What intake did at a tick.

    Args:
        landed: rows by kind, of each kind that has a model.
        suppressed: addresses of leads that are in their model no more.
        problems: of models that landed nothing, or not all.
        nodes: what became of each dbt model that was made.
    """

    landed: dict[str, int] = field(default_factory=dict)
    suppressed: int = 0
    problems: list[Problem] = field(default_factory=list)
    nodes: list[NodeResult] = field(default_factory=list)


@dataclass(frozen=True)
class _Made:
    """A model as dbt left it: its relation, or why there is none."""

    file: IntakeFile
    relation: str | None
    failure: str | None


def land_changes(project: Project, transform: Transform, warehouse: Warehouse, as_of: datetime) -> IntakeReport:
    """Land what has changed in the intake models since earlier ticks; without any model nothing is done.

    Args:
        project: whose models, and whose landing folders.
        transform: dbt on the warehouse.
        warehouse: the same, open for writing, with a tick begun.
        as_of: the tick's instant.
    """
    files, problems = intake_files(project), intake_problems(project)
    landed: dict[str, int] = {}
    suppressed, nodes = 0, []
    if files:
        load_forgotten(project, warehouse)
        made, nodes = _make(project, transform, warehouse, files)
        with intake_warehouse(project, warehouse) as intake:
            note_landed(project, intake.warehouse)
            for one in made:
                count, gone, told = _land(project, intake, one, as_of)
                landed[one.file.kind] = count
                suppressed += gone
                problems += told
                let_go(intake.warehouse)
            if any(landed.values()) or suppressed:
                note_landed(project, intake.warehouse)
    _tell(warehouse, problems)
    return IntakeReport(landed, suppressed, problems, nodes)


def tried_intake(project: Project, transform: Transform, warehouse: Warehouse, as_of: datetime) -> list[Problem]:
    """What is wrong with the models on a copy of the warehouse; nothing is landed.

    Args:
        project: whose models.
        transform: dbt on the copy.
        warehouse: that copy.
        as_of: any instant.
    """
    files = intake_files(project)
    problems: list[Problem] = []
    for one in _make(project, transform, warehouse, files)[0] if files else ():
        problems += _compared(IntakeWarehouse(warehouse), one, as_of)[1]
        let_go(warehouse)
    return problems


def _land(project: Project, intake: IntakeWarehouse, made: _Made, as_of: datetime) -> tuple[int, int, list[Problem]]:
    """How many rows of a model were landed, how many addresses of who is gone, and what is wrong."""
    columns, problems = _compared(intake, made, as_of)
    if columns is None:
        return 0, 0, problems
    gone = 0
    if made.file.absent:
        intake.bring_leads()
        gone, told = _land_gone(project, intake.warehouse, made.file, as_of)
        problems += told
    return land_news(project, intake.warehouse, made.file.kind, columns, as_of), gone, problems


def _compared(intake: IntakeWarehouse, made: _Made, as_of: datetime) -> tuple[Any, list[Problem]]:
    file = made.file.file
    if made.relation is None or made.failure is not None:
        return None, [Problem(file, None, f"{made.failure}; nothing of it is landed")]
    try:
        columns, told = compare(intake.warehouse, made.file.kind, intake.relation(made.relation), as_of)
    except IntakeFailed as error:
        example = f"{_EXAMPLE}'{error.example}'" if error.example else ""
        return None, [Problem(file, None, f"{error}; nothing of it is landed{example}")]
    except engine_error() as error:
        return None, [Problem(file, None, f"{failure_words(str(error))}; nothing of it is landed")]
    return columns, [Problem(file, None, told)] if told else []


def _land_gone(project: Project, warehouse: Warehouse, file: IntakeFile, as_of: datetime) -> tuple[int, list[Problem]]:
    gone, known = find_gone(warehouse)
    if not gone:
        return 0, []
    # A source that broke is not everybody's wish.
    if gone == known or gone > file.absent_at_most * known:
        share = f"{gone} of {known} leads ({gone / known:.1%}) are gone at once"
        most = f"more than absent_at_most ({file.absent_at_most:g})" if gone < known else "all of them"
        return 0, [Problem(file.file, None, f"{share}, {most}: none of them is taken to be absent")]
    return land_gone(project, warehouse, as_of, str(file.absent)), []


def _make(
    project: Project, transform: Transform, warehouse: Warehouse, files: Mapping[str, IntakeFile]
) -> tuple[list[_Made], list[NodeResult]]:
    """Have dbt make the models and what they stand on; of a state of the dbt project that it knows, without dbt.

    Views too, each time: a source may have got another column since.
    """
    _remember(warehouse, files.values())
    try:
        unreadable = {} if is_read(project, transform) else _unreadable(project, transform)
        results = _run(project, transform, [file for file in files.values() if file.name not in unreadable])
        made = _described(transform, files.values(), unreadable)
    except TransformFailed as error:
        return [_Made(file, None, failure_words(error.message)) for file in files.values()], []
    by_name = {result.name: result for result in results if not result.unique_id.startswith(_OF_PRODUCT)}
    return [_with_result(one, by_name.get(one.file.name)) for one in made], results


def _unreadable(project: Project, transform: Transform) -> dict[str, str]:
    parse_readable(project, transform)
    return transform.unreadable_intake


def _run(project: Project, transform: Transform, files: Sequence[IntakeFile]) -> list[NodeResult]:
    selected = [project.layout.intake_named(file.name) for file in files]
    if not selected:
        return []
    # What the product makes is made later in the tick.
    exclude = [f"package:{PACKAGE_NAME}"]
    seeds: list[NodeResult] = []
    if project.layout.is_ours and any((project.dbt / "seeds").rglob("*.csv")):
        seeds = transform.run("seed", selected, exclude=exclude, full_refresh=True)
    return [*seeds, *transform.run("run", selected, exclude=exclude)]


def _described(transform: Transform, files: Iterable[IntakeFile], unreadable: Mapping[str, str]) -> list[_Made]:
    """Models as dbt has just made them: where they are, and that they read nothing that the tick makes later."""
    kept = transform.kept
    if kept is not None:
        places = {node.unique_id: node.relation for node in kept}
        parents = {node.unique_id: node.parents for node in kept}
    else:
        nodes = transform.manifest().nodes
        places = {unique_id: getattr(node, "relation_name", None) or "" for unique_id, node in nodes.items()}
        parents = {
            unique_id: tuple(getattr(node.depends_on, "nodes", ()))
            for unique_id, node in nodes.items()
            if node.resource_type in ("model", "seed")
        }
    ids = {unique_id.split(".")[2]: unique_id for unique_id in places if not unique_id.startswith(_OF_PRODUCT)}
    made = []
    for file in files:
        unique_id = ids.get(file.name, "")
        failure = unreadable.get(file.name)
        if failure is None and (model := _later_model(unique_id, parents)):
            failure = f"it reads {model}, which the product makes later in a tick: read your own sources and models"
        if failure is None and not places.get(unique_id):
            failure = "it must be a view or a table, and is neither"
        made.append(_Made(file, places.get(unique_id) or None, failure))
    return made


def _later_model(unique_id: str, parents: Mapping[str, Iterable[str]]) -> str | None:
    """A model or table of the product that a model stands on."""
    wanted, seen = [unique_id], set()
    while wanted:
        one = wanted.pop()
        if one.startswith(_OF_PRODUCT):
            return ".".join(one.split(".")[2:])
        if one not in seen:
            seen.add(one)
            wanted += parents.get(one, ())
    return None


def _with_result(made: _Made, result: NodeResult | None) -> _Made:
    if made.failure is not None or result is None or result.status == "success":
        return made
    return replace(made, failure=failure_words(result.message) or "a model that it reads failed")


def _remember(warehouse: Warehouse, files: Iterable[IntakeFile]) -> None:
    """Keep, for who asks after the tick, which models there are."""
    rows = [{"kind": file.kind, "file": file.file, "absent": file.absent} for file in files]
    if warehouse.rows(_STATEMENTS["models"]) == rows:
        return
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_models"])
        warehouse.append_rows("raw.intake_models", rows)


def _tell(warehouse: Warehouse, problems: Iterable[Problem]) -> None:
    """Keep, for who asks after the tick, what is wrong."""
    rows = [{"file": one.file, "reason": one.message.partition(_EXAMPLE)[0]} for one in problems]
    if warehouse.rows(_STATEMENTS["problems"]) == rows:
        return
    with warehouse.transaction():
        warehouse.execute(_STATEMENTS["forget_problems"])
        warehouse.append_rows("raw.intake_problems", rows)
