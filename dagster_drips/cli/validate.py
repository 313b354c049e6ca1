"""`drips validate`: every mistake of every sequence file, its tests and `hooks.yml`, each with its place.

Only printing belongs here; the checks are in `dagster_drips.sequences`.
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project
from dagster_drips.errors import DripsError

if TYPE_CHECKING:
    from dagster_drips.project import Project
    from dagster_drips.sequences.catalog import Catalog
    from dagster_drips.sequences.problems import Problem


@app.command("validate", epilog="Example: `drips validate --project shop --warehouse`")
def command(
    on_warehouse: Annotated[
        bool, typer.Option("--warehouse", help="Run segments, content, intake models, too, on a copy of the warehouse.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Check every sequence file and tell all mistakes at once, each with file, line and how to fix it."""
    raise typer.Exit(validate(chosen_project(project), as_json, on_warehouse=on_warehouse))


def validate(project: Project, as_json: bool, *, on_warehouse: bool = False) -> int:
    """Check all sequence files, with `on_warehouse` the SQL of segments, content and intake models too, and print it.

    Errors go to standard error, a count comes last.

    With `as_json`, one JSON object goes to standard output instead: `sequences`, how many, and `problems`, each with
    `file`, `line`, `message` and `severity`.

    Returns:
        The exit code: 1 where a file can't be taken as it is, else 0.
    """
    from dagster_drips.pipeline.dbt_package import names_taken
    from dagster_drips.pipeline.own_models import write_segment_list
    from dagster_drips.sequences.catalog import read_catalog
    from dagster_drips.sequences.content_files import content_problems
    from dagster_drips.sequences.intake_files import intake_problems
    from dagster_drips.sequences.problems import Problem
    from dagster_drips.sequences.reserved_senders import reserved_senders
    from dagster_drips.sequences.segment_check import segment_problems
    from dagster_drips.sequences.segment_files import segment_names
    from dagster_drips.sequences.tests_file import read_tests

    if project.layout.tag:
        # dbt alone knows which models have it; it is asked where a file has changed since it was.
        from dagster_drips.pipeline.dbt_runner import Transform
        from dagster_drips.pipeline.segments import current_manifest_json

        current_manifest_json(project, Transform(project))
    segments = segment_names(project)
    # A plain `dbt build` knows of new ones from here on. A project that can't be written to can still be checked.
    with contextlib.suppress(OSError):
        write_segment_list(project, segments)
    catalog = read_catalog(project, segments=segments)
    problems = [
        *catalog.problems,
        *segment_problems(project),
        *content_problems(project),
        *intake_problems(project),
        *(Problem(f"dbt_project/{path.as_posix()}", None, message) for path, message in names_taken(project.dbt)),
        *reserved_senders(catalog),
        *_problems_of_hooks(project),
        *read_tests(project, catalog, segments=segments)[1],
        *_names_that_never_landed(project, catalog),
    ]
    if on_warehouse:
        # Imported late: it brings dbt along.
        from dagster_drips.pipeline.segment_trial import tried_on_warehouse

        problems += tried_on_warehouse(project, catalog)
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        found = {"sequences": _count(catalog), "problems": [asdict(problem) for problem in problems]}
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return 1 if errors else 0
    for problem in problems:
        if problem.severity == "error":
            print(problem, file=sys.stderr)
        else:
            print(f"{problem} (warning)")
    warnings = len(problems) - errors
    print(", ".join((_many(_count(catalog), "sequence"), _many(errors, "error"), _many(warnings, "warning"))))
    return 1 if errors else 0


def _problems_of_hooks(project: Project) -> list[Problem]:
    """Nothing without the file, whose form takes a tenth of the command's time to import."""
    from dagster_drips.sequences.catalog import HOOKS_FILE

    if not (project.sequences / HOOKS_FILE).exists():
        return []
    from dagster_drips.collector.events.hooks_config import hook_problems

    return hook_problems(project)


def _names_that_never_landed(project: Project, catalog: Catalog) -> list[Problem]:
    """Warnings from the warehouse; none where there is no warehouse yet, or a tick has it open."""
    from dagster_drips.warehouse.database import warehouse_of

    place = warehouse_of(project)
    if place == project.warehouse and not project.warehouse.exists():
        return []
    # Imported late: most projects are validated where no warehouse is.
    import duckdb

    from dagster_drips.sequences.landed_names import LandedNames, unknown_names
    from dagster_drips.warehouse import has_warehouse, open_warehouse

    try:
        if not has_warehouse(project):
            return []
        with open_warehouse(place, read_only=True) as warehouse:
            landed = LandedNames.of(warehouse)
    except (DripsError, duckdb.Error) as error:
        print(f"events and topics are not held against what has landed: {error}", file=sys.stderr)
        return []
    return unknown_names(project, catalog, landed)


def _count(catalog: Catalog) -> int:
    return len(catalog.written) + len(catalog.invalid)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
