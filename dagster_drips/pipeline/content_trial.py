"""Content models tried without a tick: which fail, and how many whom a sequence may mail they have no row for (M9).

Asked on a copy of the warehouse where the working files' segments have been made; sentences for people belong here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Template

import duckdb

from dagster_drips.pipeline.content import ModelFailed, columns_of, make_content_models, note_content_models
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.failure_words import failure_words
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SEQUENCE_FILE, Catalog, SequenceSource
from dagster_drips.sequences.content_files import LEAD_KEY, ContentFile, content_files
from dagster_drips.sequences.problems import Problem, suggestion
from dagster_drips.sequences.step_content import columns_used, content_of_step
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("content_trial.sql"))


def try_content(project: Project, catalog: Catalog, transform: Transform, warehouse: Warehouse) -> list[Problem]:
    """A mistake for each content model that fails, and a warning where a sequence's readers lack rows.

    Args:
        project: whose content models.
        catalog: the working files.
        transform: on the copy, after its decide models were run.
        warehouse: that copy.
    """
    note_content_models(project, warehouse)
    make_content_models(project, transform, warehouse)
    failures = {row["content"]: row["failure"] for row in warehouse.rows(_STATEMENTS["failures"])}
    problems: list[Problem] = []
    sound: dict[str, ContentFile] = {}
    columns: dict[str, list[str]] = {}
    for name, model in content_files(project).items():
        try:
            if failures.get(name):
                raise ModelFailed(failures[name])
            columns[name] = list(columns_of(warehouse, name, model.key))
            warehouse.value(f"select count(*) from content.{quoted_name(name)}")
            sound[name] = model
        except ModelFailed as error:
            problems.append(Problem(model.file, None, str(error)))
        except duckdb.Error as error:
            problems.append(Problem(model.file, None, failure_words(str(error))))
    for sequence_id, source in sorted(catalog.sources.items()):
        file = (project.sequences / sequence_id / SEQUENCE_FILE).relative_to(project.root).as_posix()
        problems += (Problem(file, None, message) for message in _unknown_columns(source, sound, columns))
        problems += (Problem(file, None, message, "warning") for message in _gaps(warehouse, source, sound))
    return problems


def _unknown_columns(
    source: SequenceSource, models: dict[str, ContentFile], columns: dict[str, list[str]]
) -> Iterator[str]:
    """Of a model with many rows it is the rows that have columns, which is not known before they are there."""
    for step in source.sequence.steps:
        for name, column in sorted(columns_used(step, source.files)):
            known = columns.get(name, [])
            if name in models and not models[name].is_many and column.lower() not in map(str.lower, known):
                told = suggestion(column, known) or f"; it has {', '.join(known)}"
                yield f"step {step.id}: content.{name} has no column '{column}'{told}"


def _gaps(warehouse: Warehouse, source: SequenceSource, models: dict[str, ContentFile]) -> Iterator[str]:
    sequence = source.sequence
    used = {name for step in sequence.steps for name in content_of_step(step, source.files)}
    for name in sorted(used & models.keys()):
        model = models[name]
        if model.key == LEAD_KEY:
            included = [*sequence.segments.include, *filter(None, [sequence.trigger.segment_entered])]
            asked = {"included": json.dumps(included), "excluded": json.dumps(list(sequence.segments.exclude))}
            kind, whose = "leads", f"leads of {', '.join(included)}" if included else "leads"
        else:
            pointer = None if model.key == "event_id" else "/" + model.key.replace("~", "~0").replace("/", "~1")
            asked = {"event": sequence.trigger.event, "pointer": pointer}
            kind, whose = "events", f"events {sequence.trigger.event}"
        statement = Template(_STATEMENTS[kind]).safe_substitute(name=quoted_name(name), key=quoted_name(model.key))
        [counts] = warehouse.rows(statement, asked)
        if counts["without"]:
            share = f"{counts['without'] / counts['total']:.1%}"
            told = "an empty list" if model.is_many else "no value"
            yield (
                f"content.{name} has no row for {counts['without']} of {counts['total']} {whose} ({share}):"
                f" it is {told} in their mails"
            )
