"""`drips test`: the tests of sequences, through the real ticks on a throw-away warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, check_writable, chosen_project, print_json
from dagster_drips.errors import DripsError

if TYPE_CHECKING:
    from dagster_drips.sequence_tests.bench import Verdict
    from dagster_drips.sequences.tests_file import WrittenTest


@app.command(epilog="Example: `drips test abandoned_cart --junit reports/sequences.xml`")
def test(
    sequence: Annotated[
        str | None, typer.Argument(metavar="[SEQUENCE]", help="Its tests only; else those of every sequence.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML too, for CI.")] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Run the tests in sequences/*/tests.yml: who gets which mail when, who exits and why. Nothing is sent."""
    from dagster_drips.sequence_tests.junit import write_junit
    from dagster_drips.sequence_tests.running import run_tests
    from dagster_drips.sequence_tests.telling import as_json as told
    from dagster_drips.sequence_tests.telling import first_difference

    place = chosen_project(project)

    def on_start(tests: Sequence[WrittenTest]) -> None:
        if not as_json:
            typer.echo(f"{len(tests)} test{'' if len(tests) == 1 else 's'}", err=True)

    def on_verdict(verdict: Verdict) -> None:
        if as_json:
            return
        word = "ok    " if verdict.passed else "FAILED"
        name = f"{verdict.written.sequence_id}: {verdict.written.test.name}"
        typer.echo(f"{word} {name} ({verdict.seconds:.1f} s, {verdict.ticks} ticks)")
        for line in first_difference(verdict):
            typer.echo(f"  {line}")

    try:
        if junit is not None and junit.is_dir():
            raise DripsError("--junit takes a file, and this is a folder", file=junit)
        check_writable(junit)
        report = run_tests(place, sequence, on_start=on_start, on_verdict=on_verdict)
    except DripsError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    if junit is not None:
        write_junit(report, junit)
    if as_json:
        print_json(told(report))
        raise typer.Exit(report.exit_code)
    for problem in report.problems:
        typer.echo(str(problem), err=True)
    if report.untested:
        typer.echo(f"without tests: {', '.join(report.untested)}", err=True)
    passed = len(report.verdicts) - len(report.failed)
    mistakes = f", mistakes in files: {len(report.problems)}" if report.problems else ""
    typer.echo(f"{passed} passed, {len(report.failed)} failed{mistakes}")
    raise typer.Exit(report.exit_code)
