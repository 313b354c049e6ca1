"""`drips resolve`: messages in doubt, and what a person who looked says of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import format_instant
from dagster_drips.errors import DripsError

if TYPE_CHECKING:
    from dagster_drips.delivery.resolve import Doubt, Resolution
    from dagster_drips.project import Project
    from dagster_drips.warehouse import Warehouse

# A run that sends for longer is better let alone; the command can be repeated.
_WAIT_SECONDS = 3600.0
_DONE = {"sent": "sent", "failed": "failed", "resend": "due again at the next tick"}


@app.command(epilog="Example: `drips resolve 6f1ed002ab5595859014ebf0951522d9 --sent`, `drips resolve --all --resend`")
def resolve(
    message_ids: Annotated[
        list[str] | None, typer.Argument(metavar="MESSAGE_ID", help="Which messages.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are in doubt.")] = False,
    sequence: Annotated[
        str | None, typer.Option("--sequence", metavar="S", help="Only messages of this sequence.", show_default=False)
    ] = None,
    sent: Annotated[
        bool, typer.Option("--sent", help="They arrived: take them as sent at the tick that tried.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="They did not arrive; give them up.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send them again, with the same Message-ID.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """List messages that may or may not have been sent, or say what became of them.

    A message is in doubt when the connection or the sending process ended after its last byte was sent and before the
    server's answer was recorded. It is never sent again by itself (unless DRIPS_IN_DOUBT=resend) and holds its
    enrollment until it is resolved: the mail server's log tells, by the Message-ID.
    """
    from dagster_drips.delivery import resolve as doubt

    choices: list[Resolution] = [
        name for name, chosen in (("sent", sent), ("failed", failed), ("resend", resend)) if chosen
    ]
    if len(choices) > 1:
        raise typer.BadParameter("take one of --sent, --failed and --resend")
    if choices and not (message_ids or every):
        raise typer.BadParameter("say which messages: their ids, or --all")
    if (message_ids or every) and not choices:
        raise typer.BadParameter("say what became of them: --sent, --failed or --resend")
    if message_ids and (every or sequence):
        raise typer.BadParameter("give message ids, or --all with or without --sequence")
    place = chosen_project(project)
    with _opened(place) as warehouse:
        if message_ids:
            found = doubt.doubts_named(warehouse, message_ids)
        else:
            found = doubt.doubts(warehouse, sequence_id=sequence)
        if choices:
            doubt.resolve(place, warehouse, found, choices[0])
    _tell(found, choices[0] if choices else None, sequence, as_json)


@contextmanager
def _opened(project: Project) -> Generator[Warehouse]:
    """The warehouse between two runs, with all that dead runs left."""
    from dagster_drips.delivery.ingestion import ingest_deliveries
    from dagster_drips.pipeline.run_lock import exclusive_run
    from dagster_drips.settings import load_settings
    from dagster_drips.warehouse import open_warehouse, warehouse_of

    settings = load_settings(project)
    place = warehouse_of(project)
    if isinstance(place, Path) and not place.exists():
        raise DripsError("there is no warehouse yet; make it with `drips run`", file=place)
    with (
        exclusive_run(
            project,
            wait_seconds=_WAIT_SECONDS,
            on_wait=lambda: typer.echo("waiting for another run of this project to end", err=True),
        ),
        open_warehouse(place) as warehouse,
    ):
        ingest_deliveries(project, warehouse, resend=settings.in_doubt == "resend")
        yield warehouse


def _tell(found: Sequence[Doubt], resolution: Resolution | None, sequence: str | None, as_json: bool) -> None:

    if as_json:
        rows = [doubt.as_dict() for doubt in found]
        print_json(rows if resolution is None else {"resolution": resolution, "messages": rows})
        return
    for doubt in found:
        claim = doubt.claim
        end = f" {_DONE[resolution]}" if resolution else f" {doubt.detail or 'the server never answered'}"
        noted = format_instant(doubt.recorded_at.replace(microsecond=0))
        typer.echo(f"{claim.message_id} {noted} {claim.sequence_id}/{claim.step_id} to {claim.recipient}:{end}")
    count = "1 message" if len(found) == 1 else f"{len(found) or 'no'} messages"
    of_sequence = f" of sequence {sequence}" if sequence else ""
    if resolution is None:
        typer.echo(f"{count}{of_sequence} in doubt" + ("; see `drips resolve --help`" if found else ""))
    else:
        typer.echo(f"{count}{of_sequence} resolved; the marts show it after the next `drips run`")
