"""`drips waive`: a gate of a sequence set aside until an instant (G1)."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import format_instant, parse_instant, utc_now
from dagster_drips.errors import DripsError

if TYPE_CHECKING:
    from dagster_drips.project import Project

_LONGEST = 500


@app.command(
    epilog="Example: `drips waive unique_enterprise_lead_id --sequence enterprise_onboarding"
    " --until 2026-03-29T18:00:00Z --why 'two rows, known, mended tonight'`"
)
def waive(
    gate: Annotated[
        str, typer.Argument(metavar="GATE", help="The data test's name or the gate's key, as `drips status` has it.")
    ],
    sequence: Annotated[str, typer.Option("--sequence", metavar="S", help="The sequence that is to go on.")],
    until: Annotated[str, typer.Option("--until", metavar="T", help="For ticks before it; then the gate holds again.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for whoever reads the journal.")],
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Let a sequence go on though a gate holds it; kept in the journal with who said so, when and why."""
    place = chosen_project(project)
    instant = _instant(until)
    if not why.strip() or len(why) > _LONGEST:
        raise typer.BadParameter(f"--why takes a reason of at most {_LONGEST} characters")
    _check_names(place, gate, sequence)
    from dagster_drips.pipeline.waivers import Waiver, give_waiver

    given_at = datetime.now(UTC).replace(tzinfo=None)
    waiver = Waiver(gate, sequence, instant, " ".join(why.split()), getpass.getuser(), given_at)
    give_waiver(place, waiver)
    if as_json:
        print_json(waiver.as_dict())
    else:
        typer.echo(f"{sequence} goes on in spite of {gate} at ticks before {format_instant(instant)}")


def _instant(text: str) -> datetime:
    try:
        instant = parse_instant(text)
    except DripsError as error:
        raise typer.BadParameter(f"--until: {error.message}") from error
    if instant <= utc_now():
        raise typer.BadParameter(f"--until {text} has passed")
    return instant


def _check_names(project: Project, gate: str, sequence: str) -> None:
    """One line for a name that is nobody's: a waiver with a slip in it would let nothing go."""
    from dagster_drips.pipeline.data_tests import gate_names
    from dagster_drips.pipeline.dbt_runner import Transform
    from dagster_drips.pipeline.segments import parse_readable
    from dagster_drips.sequences.gates import GATE_KEYS
    from dagster_drips.sequences.problems import suggestion

    sequences = sorted(file.parent.name for file in project.sequences.glob("*/sequence.yml"))
    if sequence not in sequences:
        _refuse(f"there is no sequence '{sequence}'{suggestion(sequence, sequences)}")
    if gate in GATE_KEYS:
        return
    transform = Transform(project)
    parse_readable(project, transform)
    gates = gate_names(transform.manifest(), project.layout)
    if gate not in gates:
        _refuse(
            f"there is no data test '{gate}' of severity error on a segment, staging or a source, nor such a gate"
            f"{suggestion(gate, [*gates, *GATE_KEYS])}"
        )


def _refuse(message: str) -> NoReturn:
    """In one line, where a box of usage would wrap names; exits 2 as the contract says."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)
