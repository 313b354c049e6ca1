"""`drips demo`: two weeks of drip mail in a minute, in a folder of its own.

Only printing belongs here; the work is in `dagster_drips.demo`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import format_instant

if TYPE_CHECKING:
    from rich.console import Console

    from dagster_drips.demo.run import DemoPlan, DemoReport

# Where stdout is no terminal nobody says how wide it is, and tables cut at 80 columns lose their numbers.
_WIDTH_ELSEWHERE = 140
_HEADINGS = {"unsubscribed": "unsub-\nscribed", "click_to_open_rate": "click to\nopen rate"}
_SHARES = frozenset({"open_rate", "click_rate", "click_to_open_rate", "conversion_rate"})


@app.command(epilog="Example: `drips demo`, and then `drips status --project drips-demo`")
def demo(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="The demo's own folder, made anew each time.")
    ] = Path("drips-demo"),
    seed: Annotated[
        int, typer.Option(metavar="N", help="Another number makes other leads; equal ones make equal demos.")
    ] = 1,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Run two weeks of drip mail on made-up leads, with simulated people.

    Makes a sample of 5,000 leads and 60,000 events, runs the real pipeline tick by tick against a mail server on this
    machine, and shows what came of it. The project's sequences and models are copied; its own data is never touched.
    """
    from dagster_drips.cli.progress import progress_of
    from dagster_drips.demo.run import DemoPlan, run_demo, steps_of

    started = time.monotonic()
    plan = DemoPlan(seed=seed)
    with progress_of("demo", steps_of(plan)) as advance:
        report = run_demo(chosen_project(project), folder, plan, on_step=advance)
    seconds = time.monotonic() - started
    if as_json:
        print_json(_summary(report, plan, seconds))
    else:
        _show(report, plan, folder, seconds)


def _summary(report: DemoReport, plan: DemoPlan, seconds: float) -> dict[str, Any]:
    tables = report.tables
    return {
        "project": str(report.project.root),
        "leads": report.sample.leads,
        "events": report.sample.events,
        "ticks": len(plan.ticks),
        "sent": report.sent,
        "seconds": round(seconds, 1),
        "seconds_by_phase": {phase: round(spent, 1) for phase, spent in report.seconds.items()},
        "sequences": tables.sequences,
        "decisions": tables.decisions,
        "landed": tables.landed,
    }


def _show(report: DemoReport, plan: DemoPlan, folder: Path, seconds: float) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_ELSEWHERE)
    tables = report.tables
    _table(console, "What was landed", tables.landed)
    _table(console, "Who was let in (marts.enrollment_decisions)", tables.decisions)
    _table(console, "Sequences (marts.sequence_performance)", tables.sequences)
    _table(console, "The ten steps sent most (marts.step_performance)", tables.steps)
    _table(console, "The latest mail in data/outbox", tables.outbox)
    console.print(
        f"\n[bold]{report.sent:,} messages in {len(plan.ticks)} ticks over"
        f" {(plan.last_tick - plan.first_tick).days} days, from {report.sample.leads:,} leads and"
        f" {report.sample.events:,} events, in {seconds:.0f} s[/bold]"
    )
    slowest = sorted(report.seconds.items(), key=lambda phase: -phase[1])
    console.print("seconds: " + ", ".join(f"{phase} {spent:.1f}" for phase, spent in slowest))
    console.print("\nTo try next:")
    for command, what in _next_commands(report, plan, folder):
        console.print(Text(f"  {command}", style="cyan"), soft_wrap=True)
        console.print(f"      {what}", soft_wrap=True)


def _next_commands(report: DemoReport, plan: DemoPlan, folder: Path) -> list[tuple[str, str]]:

    start, end, hours = (
        format_instant(plan.first_tick),
        format_instant(plan.last_tick),
        int(plan.every.total_seconds() / 3600),
    )
    mail = report.tables.outbox[0]["file"] if report.tables.outbox else ""
    return [
        (f"uv run drips status --project {folder}", "what is live, who is enrolled, what is due next"),
        (
            f"uv run drips replay --project {folder} --from {start} --to {end} --every {hours}h --out sends.csv",
            "the same two weeks again from the landed files alone: the same messages",
        ),
        (f"less {folder}/data/outbox/{mail}", "a message as it went out; any mail program shows it"),
        (
            f"uv run python -c \"import duckdb; duckdb.connect('{folder}/data/published/drips.duckdb', read_only=True)"
            ".sql('from marts.experiment_results').show()\"",
            "the published marts, for SQL and for BI",
        ),
    ]


def _table(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for number, name in enumerate(rows[0] if rows else ()):
        is_text = any(isinstance(row[name], str) for row in rows)
        heading = _HEADINGS.get(name, name.replace("_", "\n"))
        table.add_column(
            heading, justify="left" if is_text else "right", overflow="fold", no_wrap=number == 0 or not is_text
        )
    for row in rows:
        # Text as it is: a subject may hold what rich would take for markup.
        table.add_row(*(Text(_cell(name, value)) for name, value in row.items()))
    console.print()
    console.print(table)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name in _SHARES:
        return f"{value:.1%}"
    if isinstance(value, int | float):
        return f"{value:,.0f}"
    return str(value)
