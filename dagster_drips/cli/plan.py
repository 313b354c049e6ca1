"""`drips plan`: whom the working files would mail more, less, or at another time, before they go live."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, check_writable, chosen_project, print_json
from dagster_drips.clock import format_instant, parse_duration, parse_instant
from dagster_drips.errors import DripsError


@app.command(epilog="Example: `drips plan --base origin/main --days 7 --markdown plan.md`")
def plan(
    base: Annotated[
        str, typer.Option(metavar="live|GIT_REF", help="What to compare with: what the last tick saw, or a commit.")
    ] = "live",
    start: Annotated[
        str | None, typer.Option("--from", metavar="T", help="The first tick, ISO 8601; now where it is left out.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far to look ahead.")] = 14,
    every: Annotated[str, typer.Option(metavar="SPAN", help="Between ticks: 6h, 1h, 15m.")] = "6h",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write all differing rows there, as Parquet files.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as Markdown too, for a pull request.")
    ] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Tell what would happen if the working files went live: who gets more mail, who less, whose mail moves."""

    from dagster_drips.cli.progress import progress_of
    from dagster_drips.plan import report
    from dagster_drips.plan.plan import plan as planned

    place = chosen_project(project)
    begin = parse_instant(start).replace(microsecond=0) if start else None
    between = parse_duration(every)
    if out is not None and out.exists() and not out.is_dir():
        raise DripsError("--out takes a folder, and this is a file", file=out)
    check_writable(out, markdown)
    number = timedelta(days=days) // between + 1

    def on_tick(as_of: datetime) -> None:
        advance(format_instant(as_of))

    with progress_of("plan", number) as advance:
        found = planned(place, base=base, days=days, every=between, start=begin, out=out, on_tick=on_tick)
    if markdown is not None:
        try:
            markdown.parent.mkdir(parents=True, exist_ok=True)
            markdown.write_text("\n".join(report.as_markdown(found)) + "\n", encoding="utf-8")
        except OSError as error:
            raise DripsError(f"can't write: {error.strerror}", file=markdown) from error
    if as_json:
        print_json(report.as_json(found))
    else:
        for problem in found.problems:
            typer.echo(f"error: {problem}", err=True)
        for line in report.as_text(found):
            typer.echo(line)
    raise typer.Exit(1 if found.exceeded or found.is_wrong else 0)
