"""`drips inbox`: what came back by mail, read from the mailbox into the landing folders."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_drips.cli.app import JsonOption, ProjectOption, app, chosen_project, print_json
from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.extras import needs

if TYPE_CHECKING:
    from dagster_drips.inbox.inbox import InboxReport
    from dagster_drips.project import Project

_SECONDS_BETWEEN_LINES = 5.0


@app.command(epilog="Example: `drips inbox --mailbox INBOX --since 2026-03-01`")
def inbox(
    mailbox: Annotated[str, typer.Option("--mailbox", metavar="NAME", help="Which mailbox of the account.")] = "INBOX",
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DATE",
            help="Also read again what arrived since then; at the first time, nothing older.",
            show_default=False,
        ),
    ] = None,
    mark_seen: Annotated[
        bool, typer.Option("--mark-seen", help="Mark what nobody has to look at as seen: all but answers of people.")
    ] = False,
    move_to: Annotated[
        str | None,
        typer.Option("--move-to", metavar="FOLDER", help="Move that into this folder.", show_default=False),
    ] = None,
    kept: Annotated[
        bool, typer.Option("--kept", help="Read nothing: list the mails that gave no fact, for a person to look at.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Land bounces, complaints, unsubscribes and answers from the mailbox of DRIPS_IMAP_URL.

    It goes on where it stopped, and reading a mail twice adds nothing. Mails are left as they are unless told
    otherwise. The next tick takes what was landed.
    """
    place = chosen_project(project)
    if kept:
        _list_kept(place, since, as_json=as_json)
        return

    with needs("inbox"):
        from dagster_drips.inbox.inbox import read_inbox, required_server
    from dagster_drips.settings import load_settings

    report = read_inbox(
        place,
        required_server(load_settings(place)),
        mailbox=mailbox,
        since=parse_instant(since) if since else None,
        mark_seen=mark_seen,
        move_to=move_to,
        on_progress=_progress(),
    )
    if as_json:
        print_json(report.as_dict())
    else:
        for line in _lines(report):
            typer.echo(line)


def _progress() -> Callable[[int], None]:
    """Says how far it is, on stderr, where that takes long."""
    told = time.monotonic()

    def tell(read: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            typer.echo(f"{read} mails read", err=True)

    return tell


def _list_kept(place: Project, since: str | None, *, as_json: bool) -> None:
    from dagster_drips.inbox.kept_mails import kept_mails

    found = kept_mails(place, since=parse_instant(since) if since else None)
    if as_json:
        print_json([mail.as_dict() for mail in found])
        return
    for mail in found:
        arrived = format_instant(mail.arrived_at.replace(microsecond=0))
        words = " | ".join(part for part in (mail.author, mail.subject, mail.detail) if part)
        typer.echo(f"{arrived}  {mail.counted.replace('_', ' '):<14}  {words}  (data/{mail.place})")
    typer.echo(f"{len(found)} mails are kept", err=True)


def _lines(report: InboxReport) -> list[str]:
    from dagster_drips.inbox.inbox import COUNTED, KEPT

    lines = [f"{report.mailbox}: {report.read} read, {report.landed} landed"]
    lines += [f"  {name.replace('_', ' ')} {report.counts[name]}" for name in COUNTED if report.counts[name]]
    if any(report.counts[name] for name in KEPT):
        lines.append("what gave no fact is kept in data/landing/raw/inbox/: drips inbox --kept lists it")
    return lines
