"""`drips replay`: what the sequences would have sent, over any span of time."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, check_writable, chosen_project, print_json
from dagster_drips.clock import format_instant, parse_duration, parse_instant
from dagster_drips.errors import DripsError

if TYPE_CHECKING:
    from dagster_drips.pipeline.comparison import Compared
    from dagster_drips.pipeline.tick import Pipeline
    from dagster_drips.warehouse import Warehouse


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
        bool,
        typer.Option(
            "--continue", help="Start from the warehouse as it stands (as it stood at --from), not from nothing."
        ),
    ] = False,
    activate: Annotated[
        list[str] | None, typer.Option(metavar="SEQUENCE", help="Take this sequence to be active; may be repeated.")
    ] = None,
    drafts: Annotated[bool, typer.Option("--drafts", help="Take every draft to be active.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Compare with what was really sent.")] = False,
    as_happened: Annotated[
        bool,
        typer.Option(
            "--as-happened", help="Know everything when it occurred; with --compare, tell what late data has cost."
        ),
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Run real ticks on a throw-away copy, with sending pretended."""

    from dagster_drips.cli.progress import progress_of
    from dagster_drips.pipeline.comparison import compare as compared_with
    from dagster_drips.pipeline.comparison import compare_late, sends_of_life
    from dagster_drips.pipeline.late_data import Knowing
    from dagster_drips.pipeline.replay import Span, replayed, sends, write_sends
    from dagster_drips.pipeline.tick import Decided
    from dagster_drips.sequences.activation import activated
    from dagster_drips.sequences.catalog import Catalog

    place = chosen_project(project)
    span = Span(
        parse_instant(start).replace(microsecond=0), parse_instant(end).replace(microsecond=0), parse_duration(every)
    )
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise DripsError("--out takes a name that ends in .csv or .parquet", file=out)
    if warehouse is not None and warehouse.exists():
        raise DripsError("--warehouse makes a new file, and this one is there already", file=warehouse)
    check_writable(out, warehouse)
    problems: list[str] = []
    wrong = False

    def edit(catalog: Catalog) -> Catalog:
        return activated(catalog, activate or (), drafts=drafts) if activate or drafts else catalog

    def on_catalog(catalog: Catalog) -> None:
        nonlocal wrong
        problems.extend(line for line in map(str, catalog.errors) if line not in problems)
        wrong = bool(catalog.active_with_errors) or not (catalog.settings_valid and catalog.senders_valid)

    def on_tick(decided: Decided) -> None:
        advance(f"{format_instant(decided.as_of)} {decided.due} sent")
        lines = (str(failure) for failure in decided.broken_segments)
        problems.extend(line for line in lines if line not in problems)

    def replays(knowing: Knowing) -> AbstractContextManager[tuple[Warehouse, Pipeline]]:
        return replayed(
            place,
            span,
            continued=continued,
            knowing=knowing,
            edit=edit,
            on_tick=on_tick,
            on_catalog=on_catalog,
        )

    sent = sends_of_life(place, span) if compare else None
    in_time = compare and as_happened
    compared: Compared | None = None
    late: list[dict[str, Any]] = []
    with progress_of("replay", len(span.instants()) * (2 if in_time else 1)) as advance:
        as_known = None
        if in_time:
            with replays("as_known") as (store, _):
                as_known = sends(store, span)
        with replays("as_happened" if as_happened else "as_landed") as (store, pipeline):
            frame = sends(store, span)
            if out is not None:
                write_sends(frame, out)
            if sent is not None:
                compared = compared_with(store, span, sent)
            if as_known is not None:
                late = compare_late(store, span, as_known)
            if warehouse is not None:
                failed = [node for node in pipeline.measure() if node.failed]
                if failed:
                    raise DripsError(f"dbt model {failed[0].name} failed: {failed[0].message}")
                store.checkpoint()
                warehouse.parent.mkdir(parents=True, exist_ok=True)
                assert isinstance(pipeline.transform.warehouse, Path)  # a replay has a file of its own
                shutil.copyfile(pipeline.transform.warehouse, warehouse)
    by_sequence = frame.group_by("sequence_id").len("sends").sort("sequence_id").to_dicts() if frame.height else []
    number, failure = len(span.instants()), 1 if wrong else 0
    if as_json:
        told = {"ticks": number, "sends": frame.height, "by_sequence": by_sequence, "errors": problems}
        if compared is not None:
            told["compared"] = {"same": compared.same, "differences": compared.differences}
        if in_time:
            told["late"] = late
        print_json(told)
        raise typer.Exit(failure)
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    for row in by_sequence:
        typer.echo(f"  {row['sequence_id']:<40} {row['sends']:>8}")
    if compared is not None:
        _tell_compared(compared)
    if in_time:
        _tell_late(late)
    written = f", written to {out}" if out else ""
    errors = f"; {len(problems)} errors in sequence files and segments" if problems else ""
    typer.echo(f"{number} ticks, {frame.height} sends{written}{errors}")
    raise typer.Exit(failure)


_WORDS = {
    "only_here": "only in this replay",
    "only_there": "only really sent",
    "other_time": "at another time",
    "other_variant": "in another variant",
    "other_enrollment": "the same, by another enrollment",
}


def _tell_compared(compared: Compared) -> None:
    typer.echo(f"compared with what was really sent: {compared.same} the same")
    for difference, words in _WORDS.items():
        if not compared.count(difference):
            continue
        typer.echo(f"  {words:<40} {compared.count(difference):>8}")
        for row in compared.differences:
            if row["difference"] == difference:
                typer.echo(f"    {row['sequence_id']:<38} {row['mails']:>8}")


def _tell_late(late: list[dict[str, Any]]) -> None:
    typer.echo("mail that came out otherwise because data came late:" if late else "no data came late")
    for row in late:
        delay = timedelta(seconds=row["longest_delay_seconds"] or 0)
        file = f"{row['file']}: {row['late_rows']} rows, up to {delay}" if row["file"] else "another lead's late data"
        counts = ", ".join(f"{row[name]} {name.replace('_', ' ')}" for name in _EFFECTS if row[name])
        typer.echo(f"  {file}: {counts or 'no mail'}")


_EFFECTS = ("missed", "wrongly_sent", "other_time", "other_variant")
