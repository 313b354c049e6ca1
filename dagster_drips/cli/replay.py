"""`drips replay`: what the sequences would have sent, over any span of time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import format_instant, parse_duration, parse_instant
from dagster_drips.errors import DripsError


@app.command(
    epilog="Example: `drips replay --from 2026-03-01T00:00:00Z --to 2026-03-08T00:00:00Z --every 1h --out sends.csv`"
)
def replay(
    start: Annotated[str, typer.Option("--from", metavar="T", help="The first tick, ISO 8601.")],
    end: Annotated[str, typer.Option("--to", metavar="T", help="No tick later than this.")],
    every: Annotated[str, typer.Option(metavar="SPAN", help="Between ticks: 1h, 15m, 1d12h.")] = "1h",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what would be sent: .csv or .parquet.")
    ] = None,
    warehouse: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the replayed warehouse, marts built, in this new DuckDB file."),
    ] = None,
    continued: Annotated[
        bool, typer.Option("--continue", help="Start from the warehouse as it stands, not from nothing.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Run real ticks on a throw-away copy, with sending pretended."""

    from dagster_drips.cli.progress import progress_of
    from dagster_drips.pipeline.replay import Span, replayed, sends, write_sends
    from dagster_drips.pipeline.tick import Decided
    from dagster_drips.sequences.catalog import Catalog

    place = chosen_project(project)
    span = Span(
        parse_instant(start).replace(microsecond=0), parse_instant(end).replace(microsecond=0), parse_duration(every)
    )
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise DripsError("--out takes a name that ends in .csv or .parquet", file=out)
    if warehouse is not None and warehouse.exists():
        raise DripsError("--warehouse makes a new file, and this one is there already", file=warehouse)
    for file in (out, warehouse):
        if file is not None and not os.access(_nearest_folder(file), os.W_OK):
            raise DripsError("can't write there", file=file)
    problems: list[str] = []
    wrong = False

    def on_catalog(catalog: Catalog) -> None:
        nonlocal wrong
        problems.extend(str(problem) for problem in catalog.errors)
        wrong = bool(catalog.active_with_errors) or not (catalog.settings_valid and catalog.senders_valid)

    def on_tick(decided: Decided) -> None:
        advance(f"{format_instant(decided.as_of)} {decided.due} sent")
        lines = (str(failure) for failure in decided.broken_segments)
        problems.extend(line for line in lines if line not in problems)

    with (
        progress_of("replay", len(span.instants())) as advance,
        replayed(
            place,
            span,
            continued=continued,
            on_tick=on_tick,
            on_catalog=on_catalog,
        ) as (store, pipeline),
    ):
        frame = sends(store, span)
        if out is not None:
            write_sends(frame, out)
        if warehouse is not None:
            failed = [node for node in pipeline.measure() if node.failed]
            if failed:
                raise DripsError(f"dbt model {failed[0].name} failed: {failed[0].message}")
            store.checkpoint()
            warehouse.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(pipeline.transform.warehouse, warehouse)
    by_sequence = frame.group_by("sequence_id").len("sends").sort("sequence_id").to_dicts() if frame.height else []
    ticks, failed = len(span.instants()), 1 if wrong else 0
    if as_json:
        print_json({"ticks": ticks, "sends": frame.height, "by_sequence": by_sequence, "errors": problems})
        raise typer.Exit(failed)
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    for row in by_sequence:
        typer.echo(f"  {row['sequence_id']:<40} {row['sends']:>8}")
    written = f", written to {out}" if out else ""
    errors = f"; {len(problems)} errors in sequence files and segments" if problems else ""
    typer.echo(f"{ticks} ticks, {frame.height} sends{written}{errors}")
    raise typer.Exit(failed)


def _nearest_folder(file: Path) -> Path:
    return next(folder for folder in file.absolute().parents if folder.exists())
